import { ControlError, findHome } from "#control";
import { dnsName } from "#dns";
import { errorText } from "#files";
import { addKeys, type KeyKind, type KeyState, keyStates, zoneLine } from "#operate";
import { type Program, UsageError } from "#process";

const usage = `usage: quail dkim new DOMAIN [--only rsa|ed25519] [--selector NAME]
       quail dkim rotate DOMAIN [--after HOURS] [--only rsa|ed25519] [--selector NAME]
       quail dkim show [DOMAIN] [--json]`;

/** Two days: a record that says "not there" is remembered for at most a day by well kept zones. */
const usualOverlapHours = 48;
const maxOverlapHours = 24 * 365;

type Options = {
  readonly words: readonly string[];
  readonly kinds: readonly KeyKind[];
  readonly selector: string | null;
  readonly hours: number;
  readonly json: boolean;
};

function readOptions(args: readonly string[]): Options {
  const words: string[] = [];
  let kinds: readonly KeyKind[] = ["rsa", "ed25519"];
  let selector: string | null = null;
  let hours = usualOverlapHours;
  let json = false;
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    const value = (): string => args[++at] ?? "";
    if (word === "--json") json = true;
    else if (word === "--only") kinds = [kindOf(value())];
    else if (word === "--selector") selector = selectorOf(value());
    else if (word === "--after") hours = hoursOf(value());
    else if (word.startsWith("-")) throw new UsageError(usage);
    else words.push(word);
  }
  return { words, kinds, selector, hours, json };
}

function kindOf(word: string): KeyKind {
  if (word !== "rsa" && word !== "ed25519") throw new UsageError(usage);
  return word;
}

function selectorOf(word: string): string {
  if (!/^[a-z0-9](?:[a-z0-9-]{0,50}[a-z0-9])?$/.test(word)) throw new UsageError(usage);
  return word;
}

function hoursOf(word: string): number {
  if (!/^[0-9]{1,5}$/.test(word) || Number(word) > maxOverlapHours) throw new UsageError(usage);
  return Number(word);
}

function domainOf(word: string | undefined): string {
  const domain = dnsName(word ?? "");
  if (domain === null || !/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/.test(domain)) throw new UsageError(usage);
  return domain;
}

const day = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");

const told: Readonly<Record<KeyState["state"], (key: KeyState) => string>> = {
  waiting: ({ fromSeconds }) => `waits: signs from ${day(fromSeconds ?? 0)} UTC on`,
  signing: ({ untilSeconds }) => (untilSeconds === null ? "signs" : `signs until ${day(untilSeconds)} UTC`),
  retired: ({ untilSeconds }) => `signs no more; keep its record until ${day((untilSeconds ?? 0) + 21 * 86_400)} UTC`,
  gone: () => "signs no more; its record may go",
};

const shownState = (key: KeyState): string => `; ${key.selector}: ${told[key.state](key)}\n${zoneLine(key.record)}\n`;

/**
 * `quail dkim new|rotate|show`: keys that sign our mail, and the DNS records that go with them. Private keys are written where only the
 * signing service reads them, and are never printed. Exit code 1: nothing to show; 111: trouble.
 */
export const main: Program = async ({ args, env, stdout, stderr }) => {
  const { words, kinds, selector, hours, json } = readOptions(args);
  const [verb, name, ...more] = words;
  if (more.length > 0 || (verb !== "new" && verb !== "rotate" && verb !== "show")) throw new UsageError(usage);
  const home = findHome(env);
  const now = new Date();
  const nowSeconds = Math.floor(now.getTime() / 1000);
  try {
    if (verb === "show") {
      const states = keyStates(home, name === undefined ? null : domainOf(name), nowSeconds);
      stdout.write(json ? `${JSON.stringify(states, null, 2)}\n` : states.map(shownState).join(""));
      if (states.length === 0) stderr.write("quail dkim: no keys; quail dkim new DOMAIN makes some\n");
      return states.length === 0 ? 1 : 0;
    }
    const domain = domainOf(name);
    const before = keyStates(home, null, nowSeconds);
    const has = before.some((key) => key.domain === domain && key.state !== "gone");
    if (verb === "new" && has) throw new ControlError(`${domain} has keys; quail dkim rotate ${domain} makes new ones`);
    if (verb === "rotate" && !has) throw new ControlError(`${domain} has no keys; quail dkim new ${domain} makes some`);
    const fromSeconds = verb === "rotate" ? nowSeconds + hours * 3600 : null;
    await addKeys(home, { domain, kinds, selector, fromSeconds, now });
    stdout.write(keyStates(home, domain, nowSeconds).map(shownState).join(""));
    if (before.length === 0) stderr.write("quail dkim: the signing service comes with the next start: quail restart\n");
    return 0;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    stderr.write(`quail dkim: ${errorText(error)}\n`);
    return 111;
  }
};
