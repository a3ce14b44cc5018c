// The compiler in a worker: takes the newest text and posts what is known of it, part by part.
import { dotnet } from './_framework/dotnet.js';

let newest = null, isRunning = false;
const runtime = await dotnet.create();
const compiler = (await runtime.getAssemblyExports(runtime.getConfig().mainAssemblyName)).Weft.Examples.Explorer.Program;
const post = (id, part, json) => self.postMessage({ id, part, report: JSON.parse(json) });

async function run() {
  isRunning = true;
  while (newest) {
    const { id, text, map, seed } = newest;
    newest = null;
    const report = compiler.Read(text);
    post(id, 'text', report);
    const maps = JSON.parse(report).maps.map(one => one.name);
    const name = maps.includes(map) ? map : maps.at(-1);
    const parts = name === undefined ? [] : [
      ['map', () => compiler.Map(name)], ['matrix', () => compiler.Matrix(name, seed)], ['machines', () => compiler.Machines(name)]];
    for (const [part, make] of parts) {
      await new Promise(resolve => setTimeout(resolve)); // lets a newer text in
      if (newest) break;
      post(id, part, make());
    }
    if (!newest) self.postMessage({ id, part: 'done', report: null });
  }
  isRunning = false;
}

self.onmessage = event => { newest = event.data; if (!isRunning) run(); };
self.postMessage({ id: 0, part: 'ready', report: JSON.parse(compiler.ListExamples()) });
