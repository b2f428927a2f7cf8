/** What a load was promised, held against what is in the Maildir and at the other host. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type House, until } from "../system/house.ts";
import type { ScriptedServer } from "../system/scripted-server.ts";
import { isWhole, type Load } from "./load.ts";

const arrivalLimitMs = 90_000;

type Arrivals = { readonly counts: ReadonlyMap<string, number>; readonly halves: readonly string[] };

/** How often each message is in the Maildir, by id; and the names of those that are not whole. */
function lookInto(maildir: string): Arrivals {
  const counts = new Map<string, number>();
  const halves: string[] = [];
  for (const name of readdirSync(join(maildir, "new"))) {
    const message = readFileSync(join(maildir, "new", name));
    const id = /^Return-Path: <(m[0-9]+)@load\.test>\n/.exec(message.toString("latin1", 0, 200))?.[1];
    if (id === undefined || !isWhole(id, message)) halves.push(name);
    else counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return { counts, halves };
}

/** Names in `new` of messages that are not whole: a power cut may leave them, until the repeated delivery has written them anew. */
export function halvesIn(maildir: string): readonly string[] {
  return lookInto(maildir).halves;
}

function arrivals(maildir: string): ReadonlyMap<string, number> {
  const { counts, halves } = lookInto(maildir);
  assert.deepEqual(halves, [], "half a message in new/");
  return counts;
}

function missing(load: Load, house: House, remote: ScriptedServer): readonly string[] {
  const here = arrivals(house.maildir);
  const there = new Set(remote.taken.map(({ from }) => from.slice(0, from.indexOf("@"))));
  return [...load.promised]
    .filter(([id, goal]) => !(goal === "local" ? here.has(id) : there.has(id)))
    .map(([id]) => id);
}

/**
 * Waits until all that was promised is there, telling the queue to hurry, and checks that nothing is in the Maildir twice and
 * nothing anywhere in half. `seed` goes into what is said of a failure.
 */
export async function settle(load: Load, house: House, remote: ScriptedServer, seed: number): Promise<void> {
  const hurry = setInterval(() => house.signal("SIGALRM"), 1_500);
  try {
    await until(
      "everything promised has arrived",
      () => missing(load, house, remote).length === 0,
      arrivalLimitMs,
    ).catch(() => {
      const lost = missing(load, house, remote);
      assert.fail(
        `${lost.length} of ${load.promised.size} promised messages are missing (seed ${seed}): ${lost.slice(0, 20)}\n${house.story()}`,
      );
    });
  } finally {
    clearInterval(hurry);
  }
  const twice = [...arrivals(house.maildir)].filter(([, count]) => count > 1);
  assert.deepEqual(twice, [], `in the Maildir twice (seed ${seed})`);
  for (const { from, bytes } of remote.taken)
    assert.ok(isWhole(from.slice(0, from.indexOf("@")), bytes), `half of ${from}`);
  assert.deepEqual(load.refusals, [], "nothing was refused for good");
}
