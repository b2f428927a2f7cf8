/**
 * `node run.ts --from SEED --lives N [--mutant NAME] [--seconds N] [--failed-syncs-forget]`: simulated lives, one seed each, in a process whose clock and disk
 * are not real. Prints one line of JSON: how many crashes were survived, or the seed that failed and why.
 */
import { registerHooks } from "node:module";
import { parseArgs } from "node:util";
import { seededRandom } from "../../corpus/random.ts";
import { type Mutant, World } from "./boundary.ts";
import { Machine, takeOverTimers } from "./machine.ts";

const { values } = parseArgs({
  options: {
    from: { type: "string", default: "1" },
    lives: { type: "string", default: "1" },
    mutant: { type: "string", default: "none" },
    seconds: { type: "string", default: "600" },
    "failed-syncs-forget": { type: "boolean", default: false },
  },
});

const machine = new Machine(seededRandom(0));
const world = new World(machine);
world.failedSyncsForget = values["failed-syncs-forget"];

/** The rooms whose disk is simulated, and what they get instead of Node's modules. */
const rooms = /\/src\/(?:queue|mailbox|files|sql)\//;
const simulated: ReadonlyMap<string, object> = new Map<string, object>([
  ["node:fs", world.fs],
  ["node:fs/promises", world.promises],
  ["node:sqlite", world.sqlite],
]);
Object.assign(globalThis, { quailSimulation: simulated });

registerHooks({
  resolve(specifier, context, next) {
    return simulated.has(specifier) && rooms.test(context.parentURL ?? "")
      ? { url: `simulated:${specifier}`, format: "module", shortCircuit: true }
      : next(specifier, context);
  },
  load(url, context, next) {
    if (!url.startsWith("simulated:")) return next(url, context);
    const name = url.slice("simulated:".length);
    const real = process.getBuiltinModule(name) as object;
    const names = Object.keys(real).filter((key) => key !== "default");
    // What the simulation lacks throws when it is called, not when it is imported.
    const source = [
      `const made = globalThis.quailSimulation.get(${JSON.stringify(name)});`,
      `const lacking = (key) => () => { throw new Error("the simulation has no " + key); };`,
      ...names.map((key) => `export const ${key} = made[${JSON.stringify(key)}] ?? lacking(${JSON.stringify(key)});`),
    ].join("\n");
    return { format: "module", source, shortCircuit: true };
  },
});

const { live } = await import("./scenario.ts");
process.on("unhandledRejection", (error) => machine.note(error));
process.on("uncaughtException", (error) => machine.note(error));
takeOverTimers(() => machine);

const begun = performance.now();
const limitMs = Number(values.seconds) * 1000;
let crashes = 0;
let acknowledged = 0;
let handedOver = 0;
let seed = Number(values.from);
const end = seed + Number(values.lives);
let failure: { readonly seed: number; readonly why: string } | null = null;
for (; seed < end && performance.now() - begun < limitMs; seed++) {
  try {
    const life = await live(seed, values.mutant as Mutant, world);
    crashes += life.crashes;
    acknowledged += life.acknowledged;
    handedOver += life.handedOver;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.stack})` : "";
    failure = { seed, why: `${error instanceof Error ? error.message : error}${cause}` };
    break;
  }
}
const lives = seed - Number(values.from);
process.stdout.write(
  `${JSON.stringify({ lives, crashes, acknowledged, handedOver, seconds: (performance.now() - begun) / 1000, failure })}\n`,
);
process.exit(0);
