/**
 * kill -9 under load: whatever was answered 250 must arrive, and nothing may be in the Maildir twice. The seed is printed;
 * `QUAIL_SEED` sets it, `QUAIL_ROUNDS` the number of kills.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { commandOf } from "../../bench/tools/process-tree.ts";
import { type Random, seededRandom } from "../corpus/random.ts";
import { House, inbox, processesIn, until } from "../system/house.ts";
import { openScriptedServer, type ScriptedServer } from "../system/scripted-server.ts";
import { type Load, startLoad } from "./load.ts";
import { settle } from "./promises.ts";

const seed = Number(process.env.QUAIL_SEED ?? Date.now() % 1_000_000);
const rounds = Number(process.env.QUAIL_ROUNDS ?? 50);
/** Rounds end when this is over, however many there were: CI has other things to do. */
const budgetMs = 150_000;
/** Shorter than a service takes to come back, so that several are down at a time. */
const longestCalmMs = 500;

const roles = ["smtpd", "queue", "local", "local-worker", "remote"] as const;

/** Processes of a role, found by the words they were started with. */
function pidsOf(house: House, role: string): readonly number[] {
  return processesIn(house.home).filter((pid) => {
    const words = commandOf(pid);
    const entry = words.findIndex((word) => word.endsWith("run.ts"));
    return entry >= 0 && words[entry + 1] === role;
  });
}

function killOne(house: House, role: string, random: Random): boolean {
  const [first, ...others] = pidsOf(house, role);
  if (first === undefined) return false;
  try {
    process.kill(random.pick([first, ...others]), "SIGKILL");
    return true;
  } catch {
    return false; // It ended between the look and the shot.
  }
}

type Scene = AsyncDisposable & {
  readonly house: House;
  readonly remote: ScriptedServer;
  readonly load: Load;
  readonly random: Random;
};

async function openScene(sceneSeed: number): Promise<Scene> {
  const random = seededRandom(sceneSeed);
  const remote = await openScriptedServer();
  const house = await House.open({
    control: { rcpthosts: "localhost\nfar.test\n", smtproutes: `far.test:127.0.0.1:${remote.port}\n` },
  });
  const load = startLoad({
    port: house.ports.smtp,
    random,
    sessions: 6,
    pauseMs: 40,
    local: inbox,
    remote: "you@far.test",
  });
  return {
    ...{ house, remote, load, random },
    async [Symbol.asyncDispose]() {
      try {
        await load.stop();
        await house[Symbol.asyncDispose]();
      } finally {
        await remote.close();
      }
    },
  };
}

test(`${rounds} services killed with -9 under load (seed ${seed}): every promise is kept, nothing is doubled [Q-052, Q-053]`, async (t) => {
  await using scene = await openScene(seed);
  const { house, remote, load, random } = scene;
  const deadline = Date.now() + budgetMs;
  const killed = new Map<string, number>();
  let kills = 0;
  while (kills < rounds && Date.now() < deadline) {
    await sleep(random.below(longestCalmMs));
    const role = random.pick(roles);
    if (!killOne(house, role, random)) continue;
    kills++;
    killed.set(role, (killed.get(role) ?? 0) + 1);
  }
  for (const role of roles)
    if (role !== "local-worker") await until(`${role} is started again`, () => pidsOf(house, role).length > 0);
  await load.stop();
  await settle(load, house, remote, seed);
  t.diagnostic(`${kills} kills: ${[...killed].map(([role, count]) => `${role} ${count}`).join(", ")}`);
  t.diagnostic(`${load.promised.size} of ${load.begun()} messages were answered 250, all arrived`);
  assert.ok(kills >= Math.min(rounds, 20), `only ${kills} rounds in ${budgetMs / 1000} s`);
  assert.ok(load.promised.size > kills, "there was a load");
});

test(`the whole system killed with -9, five times (seed ${seed}): every promise is kept, nothing is doubled [Q-052, Q-053]`, async (t) => {
  await using scene = await openScene(seed + 1);
  const { house, remote, load, random } = scene;
  for (let round = 0; round < 5; round++) {
    await sleep(500 + random.below(1_500));
    await house.kill();
    await house.start();
  }
  await sleep(500);
  await load.stop();
  await settle(load, house, remote, seed);
  t.diagnostic(`${load.promised.size} of ${load.begun()} messages were answered 250, all arrived`);
  assert.ok(load.promised.size > 50, "there was a load");
});
