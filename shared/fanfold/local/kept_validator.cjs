// Loaded before the Serverless tool: keeps its validator of configurations as V8 compiled it, 8 MB of generated code whose
// compiling takes a third of what a stack takes to package. Node 20 has no cache of compiled code of its own.
const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const { homedir } = require("node:os");
const { dirname, join } = require("node:path");
const { Script } = require("node:vm");

const GENERATED = "[generated-ajv-validate]";
const FOLDER = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "fanfold", "serverless");
const compile = Module.prototype._compile;

Module.prototype._compile = function (content, filename, ...more) {
  if (!filename.includes(GENERATED)) return compile.call(this, content, filename, ...more);
  const kept = join(FOLDER, `${createHash("sha256").update(content).digest("hex")}-${process.version}-${process.arch}`);
  const cachedData = read(kept);
  const script = new Script(Module.wrap(content), { filename, cachedData });
  // At the end, for it then holds the functions that were used.
  if (!cachedData || script.cachedDataRejected) process.once("exit", () => keep(kept, script));
  const load = (name) => this.require(name);
  return script.runInThisContext().call(this.exports, this.exports, load, this, filename, dirname(filename));
};

function read(kept) {
  try {
    return readFileSync(kept);
  } catch {
    return undefined;
  }
}

// Where the folder cannot be written to, it is compiled each time.
function keep(kept, script) {
  try {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(`${kept}.${process.pid}`, script.createCachedData());
    renameSync(`${kept}.${process.pid}`, kept);
  } catch {}
}
