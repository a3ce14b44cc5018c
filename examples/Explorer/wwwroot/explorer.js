// The page: an editor, and what the worker tells of its text. A link holds the text behind '#', percent-encoded,
// and behind '&' the name of the map that is shown, where it is not the last: `weft gallery --explorer` writes such links.
const $ = id => document.getElementById(id);
const editor = $('text'), count = number => Math.round(number).toLocaleString('en'), Patience = 15000, BusyAfter = 600;
let worker, id = 0, seed = 1, pieces = [], mistakes = [], matrix = null, pinned = -1, isReady = false, waiting = null, watch = 0, busy = 0, chosen = '';

function start() {
  worker?.terminate();
  isReady = false;
  worker = new Worker('worker.js', { type: 'module' });
  worker.onmessage = ({ data }) => { if (data.part === 'ready') ready(data.report); else if (data.id === id) show[data.part](data.report); };
  worker.onerror = () => { status('The compiler could not be loaded.'); };
}

function ready(examples) {
  isReady = true;
  if ($('examples').length === 1) {
    $('examples').options[0].text = 'choose…';
    for (const group of new Set(examples.map(one => one.group))) {
      const options = document.createElement('optgroup');
      options.label = group;
      options.append(...examples.filter(one => one.group === group).map(one => new Option(one.name, one.text)));
      $('examples').append(options);
    }
  }
  post();
}

function send() {
  id++;
  $('results').classList.add('stale');
  history.replaceState(null, '', '#' + [editor.value, chosen].filter(Boolean).map(encodeURIComponent).join('&'));
  waiting = { id, text: editor.value, map: chosen, seed };
  post();
}

// A text waits until the compiler is there.
function post() {
  if (!isReady || !waiting) return;
  worker.postMessage(waiting);
  waiting = null;
  clearTimeout(watch); clearTimeout(busy);
  watch = setTimeout(() => stop(`Stopped after ${Patience / 1000} seconds. Choose smaller sizes.`), Patience);
  busy = setTimeout(() => { $('stop').hidden = false; }, BusyAfter);
}

// The text that was stopped would take as long again: the next change is compiled.
function stop(words) {
  clearTimeout(watch); clearTimeout(busy);
  $('stop').hidden = true;
  start();
  status(words);
}

const status = words => { $('status').textContent = words; };

const show = {
  text(report) {
    ({ pieces, mistakes } = report);
    colour();
    editor.setAttribute('aria-invalid', mistakes.some(one => one.severity === 'error'));
    $('mistakes').replaceChildren(...mistakes.map(item));
    const last = report.maps.at(-1)?.name ?? '', name = report.maps.some(one => one.name === chosen) ? chosen : last;
    $('maps').replaceChildren(...report.maps.map(one => new Option(`${one.name} : ${one.inputs} -> ${one.outputs}`, one.name, false, one.name === name)));
    status(mistakes.length > 0 ? `${mistakes.length} to mend; line ${mistakes[0].line}: ${mistakes[0].message}`
      : report.maps.length === 0 ? 'Nothing is declared without parameters: name a structure with its sizes.' : `No mistakes; ${report.maps.length} ${report.maps.length === 1 ? 'map' : 'maps'}.`);
  },
  map(report) {
    $('results').hidden = false;
    const costs = report.costs, times = (dense, own) => dense ? ` of ${count(dense)} dense` : '';
    $('facts').replaceChildren(...(report.fault ? [fact('Not compiled', report.fault)] : [
      fact('Parameters', count(costs.trained) + ' trained' + (costs.frozen ? `, ${count(costs.frozen)} frozen` : '') + times(costs.denseParameters)),
      fact('FLOPs per row', count(costs.forwardFlops) + times(costs.denseFlops)),
      fact('Backward', count(costs.backwardFlops)),
      ...(report.properties.length ? [fact('For all parameters', report.properties.join(', '))] : [])]));
    $('network').innerHTML = report.network;
    $('orders').replaceChildren(...report.orders.map(order => element('div', element('h2', `${order.chosen}, cost ${order.cost}`),
      element('ul', ...order.rejected.map(other => element('li', `not ${other.text}: ${other.times.toPrecision(3)} times the cost${other.reason ? ', ' + other.reason : ''}`))))),
      ...report.laws.map(law => element('p', 'by ' + law)));
    $('parameters').replaceChildren(table(['Name', 'Shape', 'Role', 'Numbers'], report.parameters.map(one => [one.name, one.shape, one.role, count(one.count)])));
    for (const [view, text] of [['csharp', report.cSharp], ['opencl', report.openCl], ['explanation', report.explanation]]) $(view).firstChild.textContent = text;
  },
  matrix(report) {
    $('obstacle').textContent = report.obstacle ? `No picture: ${report.obstacle}.` : '';
    $('picture').hidden = report.obstacle !== null;
    if (report.obstacle) return;
    const bytes = text => Uint8Array.from(atob(text), one => one.charCodeAt(0));
    matrix = { ...report, entries: new Float32Array(bytes(report.entries).buffer), bits: report.footprints.map(one => bytes(one.bits)) };
    pinned = -1;
    $('canvas').setAttribute('aria-label', `The matrix, ${report.rows} rows, ${report.columns} columns, entries from ${report.least.toPrecision(3)} to ${report.most.toPrecision(3)}`);
    $('svg').href = 'data:image/svg+xml,' + encodeURIComponent(report.svg);
    $('footprints').replaceChildren(...report.footprints.map((one, k) => {
      const button = element('button', `${one.name}: ${count(one.count)}`);
      button.setAttribute('aria-pressed', false);
      button.onpointerenter = button.onfocus = () => draw(k);
      button.onpointerleave = button.onblur = () => draw(pinned);
      button.onclick = () => { pinned = pinned === k ? -1 : k; [...$('footprints').children].forEach((other, at) => other.setAttribute('aria-pressed', at === pinned)); draw(pinned); };
      return button;
    }));
    draw(-1);
  },
  machines(report) {
    const meter = share => { const node = document.createElement('meter'); node.value = share; return element('span', node, ` ${Math.round(100 * share)} %`); };
    const roofline = element('div');
    roofline.innerHTML = report.roofline;
    $('machines').replaceChildren(element('p', 'Predicted share of the peak of one core; in the picture of 64 rows where filled, of one where hollow, below what moving weights, x and y once allows.'), roofline,
      table(['Processor', '64 rows', '1 row', 'Registers', 'Caches'], report.rows.map(one => [one.name, meter(one.shareOfBatch), meter(one.shareOfRow), one.registers, one.caches])));
  },
  // Of a text without maps there is nothing new: what is there is of an older one.
  done() { clearTimeout(watch); clearTimeout(busy); $('stop').hidden = true; $('results').classList.toggle('stale', $('maps').length === 0); document.body.dataset.done = id; },
};

function element(name, ...children) { const node = document.createElement(name); node.append(...children); return node; }
function fact(label, value) { return element('div', element('dt', label), element('dd', value)); }
function table(head, rows) {
  return element('table', element('thead', element('tr', ...head.map(one => element('th', one)))), element('tbody', ...rows.map(row => element('tr', ...row.map(one => element('td', one))))));
}

function item(mistake) {
  const go = element('button', `${mistake.line}:${mistake.column} ${mistake.message} (${mistake.id})`);
  go.onclick = () => { editor.focus(); editor.setSelectionRange(mistake.start, mistake.start + mistake.length); };
  const row = element('li', go);
  if (mistake.correction) {
    const mend = element('button', `Write ${mistake.correction.text.trim()}`);
    mend.onclick = () => { editor.setRangeText(mistake.correction.text, mistake.correction.start, mistake.correction.start + mistake.correction.length, 'end'); changed(); editor.focus(); };
    row.append(mend);
  }
  return row;
}

// Pieces and mistakes overlap: the text is cut where any begins or ends. Pieces are in their order and apart from each other.
function colour() {
  const text = editor.value, cuts = new Set([0, text.length]);
  for (const one of [...pieces, ...mistakes]) cuts.add(Math.min(one.start, text.length)).add(Math.min(one.start + one.length, text.length));
  const places = [...cuts].sort((a, b) => a - b), covers = (one, at) => one && one.start <= at && at < one.start + one.length;
  let next = 0;
  $('colours').replaceChildren(...places.slice(0, -1).map((at, k) => {
    while (next < pieces.length && pieces[next].start + pieces[next].length <= at) next++;
    const span = element('span', text.slice(at, places[k + 1]));
    span.className = [covers(pieces[next], at) && pieces[next].colour, mistakes.find(one => covers(one, at))?.severity].filter(Boolean).join(' ');
    return span;
  }), '\n');
  follow();
}

function follow() { $('colours').scrollTop = editor.scrollTop; $('colours').scrollLeft = editor.scrollLeft; }

let last = editor.value, later = 0;
function changed() {
  // Until the worker answers, what stands behind the change keeps its colours.
  const text = editor.value, moved = text.length - last.length, from = editor.selectionStart - Math.max(0, moved);
  pieces = pieces.map(one => one.start >= from ? { ...one, start: one.start + moved } : one);
  mistakes = [];
  last = text;
  colour();
  clearTimeout(later);
  later = setTimeout(send, 150);
}

function draw(footprint) {
  const { rows, columns, entries, bits } = matrix, canvas = $('canvas'), largest = Math.max(Math.abs(matrix.least), Math.abs(matrix.most)) || 1;
  Object.assign(canvas, { width: columns, height: rows });
  const context = canvas.getContext('2d'), image = context.createImageData(columns, rows);
  entries.forEach((entry, place) => {
    const isIn = footprint < 0 || bits[footprint][place >> 3] >> (place & 7) & 1;
    image.data.set([...(entry > 0 ? [47, 128, 237] : [232, 106, 23]), entry === 0 ? 0 : (isIn ? 1 : .15) * (48 + 207 * Math.abs(entry) / largest)], 4 * place);
  });
  context.putImageData(image, 0, 0);
}

$('canvas').onpointermove = event => {
  const box = $('canvas').getBoundingClientRect();
  const row = Math.min(matrix.rows - 1, Math.floor((event.clientY - box.top) / box.height * matrix.rows)), column = Math.min(matrix.columns - 1, Math.floor((event.clientX - box.left) / box.width * matrix.columns));
  if (row < 0 || column < 0) return;
  const place = row * matrix.columns + column;
  const of = matrix.footprints.filter((one, k) => !one.isOfFirst && matrix.bits[k][place >> 3] >> (place & 7) & 1).map(one => one.name);
  $('entry').textContent = `Row ${row}, column ${column}: ${matrix.entries[place].toPrecision(4)}${of.length ? ', changes with ' + of.join(', ') : ''}.`;
};

const tabs = [...document.querySelectorAll('[role=tab]')];
function select(tab) {
  for (const one of tabs) {
    const isChosen = one === tab;
    one.setAttribute('aria-selected', isChosen);
    one.tabIndex = isChosen ? 0 : -1;
    $(one.getAttribute('aria-controls')).hidden = !isChosen;
  }
}
tabs.forEach((tab, k) => {
  tab.onclick = () => select(tab);
  tab.onkeydown = event => {
    const to = { ArrowRight: (k + 1) % tabs.length, ArrowLeft: (k + tabs.length - 1) % tabs.length, Home: 0, End: tabs.length - 1 }[event.key];
    if (to !== undefined) { event.preventDefault(); tabs[to].focus(); select(tabs[to]); }
  };
});

editor.oninput = changed;
editor.onscroll = follow;
document.onselectionchange = () => {
  if (document.activeElement === editor) $('help').textContent = pieces.find(one => one.help && one.start <= editor.selectionStart && editor.selectionStart <= one.start + one.length)?.help ?? '';
};
$('examples').onchange = event => { if (event.target.value) { chosen = ''; editor.value = last = event.target.value; pieces = mistakes = []; colour(); send(); } };
$('maps').onchange = event => { chosen = event.target.value; send(); };
$('again').onclick = () => { seed++; send(); };
$('stop').onclick = () => stop('Stopped.');
$('share').onclick = () => navigator.clipboard.writeText(location.href).then(() => status('The link is copied; it holds the text.'), () => status('The link is the address of this page; it holds the text.'));

// What was not percent-encoded is taken as it stands.
function decode(part) { try { return decodeURIComponent(part); } catch { return part; } }

function read() {
  const [text, map = ''] = location.hash.slice(1).split('&').map(decode);
  chosen = map;
  if (text) editor.value = text;
  last = editor.value;
  pieces = mistakes = [];
  colour();
}
window.onhashchange = () => { read(); send(); };
read();
select(tabs[0]);
start();
send();
