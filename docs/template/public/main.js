// Weft's colours are those of the editors' grammar, whose scopes highlight.js has by other names.
const grammar = await (await fetch(new URL('weft.tmLanguage.json', import.meta.url))).json()

const scopes = {
  'comment': 'comment', 'string': 'string', 'constant.numeric': 'number', 'keyword.operator.logical': 'keyword', 'keyword.operator': '',
  'keyword': 'keyword', 'storage': 'keyword', 'support.function': 'built_in', 'support.constant': 'literal', 'constant.language': 'literal',
}

function scope(rule) {
  const names = rule.name ? [rule.name] : Object.values(rule.captures).map(capture => capture.name)
  return names.map(name => scopes[Object.keys(scopes).find(prefix => name.startsWith(prefix))]).find(Boolean)
}

function weft() {
  return {
    aliases: ['weft-error'],
    unicodeRegex: true,
    contains: grammar.patterns.map(({ include }) => grammar.repository[include.slice(1)]).map(rule => ({ match: rule.match, scope: scope(rule) })),
  }
}

export default {
  configureHljs: hljs => {
    hljs.registerLanguage('weft', weft)
    hljs.registerAliases('csharp-error', { languageName: 'csharp' })
  },
}
