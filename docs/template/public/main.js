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
    unicodeRegex: true,
    contains: grammar.patterns.map(({ include }) => grammar.repository[include.slice(1)]).map(rule => ({ match: rule.match, scope: scope(rule) })),
  }
}

export default {
  configureHljs: hljs => hljs.registerLanguage('weft', weft),

  // SPEC.html#WEFT0113 leads to the diagnostic's row in the reference.
  start: () => {
    for (const cell of document.querySelectorAll('article td:first-child')) {
      if (/^WEFT\d{4}$/.test(cell.textContent)) {
        cell.parentElement.id = cell.textContent
      }
    }

    if (/^#WEFT\d{4}$/.test(location.hash)) {
      document.getElementById(location.hash.slice(1))?.scrollIntoView()
    }
  },
}
