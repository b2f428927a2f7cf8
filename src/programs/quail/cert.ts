/** `quail cert`: the certificates of a home: look at them, make them, get them from an authority and keep them fresh. */
import { resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { findHome, readSetting } from "#control";
import { type Program, type ProgramCall, UsageError } from "#process";
import { keyPem, makeKey, selfSign } from "#tls";
import { allLaid, isName, layCertificate, layClassic } from "./cert/files.ts";
import type { AskForRecord } from "./cert/get.ts";
import { keepOrder, keptOrders, type Order } from "./cert/orders.ts";
import { certificateLines, shownCertificate } from "./cert/show.ts";

const usage = `usage: quail cert show [--json]
       quail cert new [NAME ...]
       quail cert get NAME ... --agree [--by http|tls|dns] [--port N] [--host ADDRESS] [--hook PROGRAM]
                      [--mail ADDRESS] [--server URL] [--ca FILE] [--keep-key]
       quail cert renew [--force] [--host ADDRESS]`;

const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory";
const usualPorts = { http: 80, tls: 443 } as const;
const failed = 111;
const dayMs = 86_400_000;
/** Nobody vouches for it, so nobody is helped by its end. */
const selfSignedDays = 3650;

/** Words of a command line: names, and what stands behind each option. */
type Words = {
  readonly names: readonly string[];
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
};

function readWords(words: readonly string[], flags: readonly string[], options: readonly string[]): Words {
  const names: string[] = [];
  const [given, values] = [new Set<string>(), new Map<string, string>()];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const [, option = "", inline] = /^(--[a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (flags.includes(word)) given.add(word);
    else if (options.includes(option)) values.set(option, inline ?? words[++at] ?? wrong(`${option} wants a value`));
    else if (word.startsWith("-")) wrong(`unknown option ${word}`);
    else names.push(word.toLowerCase());
  }
  const bad = names.find((name) => !isName(name));
  if (bad !== undefined) wrong(`${JSON.stringify(bad)} is no host name`);
  return { names, flags: given, values };
}

function wrong(sentence: string): never {
  throw new UsageError(`quail cert: ${sentence}\n${usage}`);
}

/** A verb with its words and its home. */
type Job = { readonly call: ProgramCall; readonly words: readonly string[]; readonly home: string };

function show({ call, words, home }: Job): number {
  const { flags } = readWords(words, ["--json"], []);
  const all = allLaid(home).map((laid) => shownCertificate(laid, new Date()));
  if (flags.has("--json")) call.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
  else if (all.length === 0)
    call.stdout.write("no certificates: 'quail cert new' makes one, 'quail cert get' asks an authority\n");
  else call.stdout.write(all.map(certificateLines).join("\n"));
  return all.some(({ problem }) => problem !== null) ? 1 : 0;
}

/** Without a name: control/servercert.pem for control/me. */
function makeNew({ call, words, home }: Job): number {
  const { names } = readWords(words, [], []);
  const [first = (readSetting(home, "me") ?? "localhost").toLowerCase(), ...others] = names;
  const all: readonly [string, ...string[]] = [first, ...others];
  const key = makeKey();
  const now = Date.now();
  const [notBefore, notAfter] = [new Date(now - dayMs), new Date(now + selfSignedDays * dayMs)];
  const pem = selfSign({ names: all, key, notBefore, notAfter }) + keyPem(key);
  call.stdout.write(`${names.length === 0 ? layClassic(home, pem) : layCertificate(home, all, pem)}\n`);
  return 0;
}

function readOrder(words: readonly string[], cwd: string): { readonly order: Order; readonly host: string | null } {
  const options = ["--by", "--port", "--host", "--hook", "--mail", "--server", "--ca"];
  const { names, flags, values } = readWords(words, ["--agree", "--keep-key"], options);
  const [first, ...others] = names;
  if (first === undefined) wrong("for which names?");
  if (!flags.has("--agree"))
    wrong("--agree says that you agree to the authority's terms; without it there is no account");
  const by = values.get("--by") ?? (names.some((name) => name.startsWith("*.")) ? "dns" : "http");
  if (by !== "http" && by !== "tls" && by !== "dns") wrong(`--by ${by}: http, tls or dns is wanted`);
  if (by !== "dns" && names.some((name) => name.startsWith("*."))) wrong("a wildcard is proved by dns only");
  const port = by === "dns" ? null : Number(values.get("--port") ?? usualPorts[by]);
  if (port !== null && !(Number.isInteger(port) && port > 0 && port < 65_536))
    wrong("--port wants a number from 1 to 65535");
  const path = (name: string): string | null => (values.has(name) ? resolve(cwd, values.get(name)!) : null);
  const server = values.get("--server") ?? letsEncrypt;
  if (!URL.canParse(server)) wrong(`--server ${server} is no address`);
  const order: Order = {
    names: [first, ...others],
    by,
    port,
    hook: path("--hook"),
    server,
    mail: values.get("--mail") ?? null,
    ca: path("--ca"),
    keepsKey: flags.has("--keep-key"),
  };
  return { order, host: values.get("--host") ?? null };
}

/** Shows the record, and waits for Enter. */
function askPerson({ stdin, stdout, stderr }: ProgramCall): AskForRecord {
  return async (name, value) => {
    stdout.write(
      `Lay this record in DNS, then press Enter (it may go when the certificate is there):\n\n  ${name}. TXT "${value}"\n\n`,
    );
    const lines = createInterface({ input: stdin, output: stderr, terminal: false });
    const line = await Promise.race([
      lines.question(""),
      new Promise<null>((done) => lines.once("close", () => done(null))),
    ]);
    lines.close();
    return line !== null;
  };
}

const nobody: AskForRecord = async () => false;

async function get({ call, words, home }: Job): Promise<number> {
  const { order, host } = readOrder(words, call.cwd);
  const { getCertificate } = await import("./cert/get.ts");
  const path = await getCertificate(home, order, host, askPerson(call));
  keepOrder(home, order);
  call.stdout.write(`${path}\n`);
  return 0;
}

/** Every order whose certificate is due; says what it did. 111 if one of them failed: it is tried again the next time. */
async function renew({ call, words, home }: Job): Promise<number> {
  const { flags, values } = readWords(words, ["--force"], ["--host"]);
  const { getCertificate, isDue } = await import("./cert/get.ts");
  let code = 0;
  for (const [file, order] of keptOrders(home)) {
    if (order !== null && !flags.has("--force") && !isDue(home, order, new Date())) continue;
    try {
      if (order === null) throw new Error("is no order of quail cert get");
      call.stdout.write(`${await getCertificate(home, order, values.get("--host") ?? null, nobody)}\n`);
    } catch (error) {
      call.stderr.write(`quail cert: acme/${file}: ${error instanceof Error ? error.message : error}\n`);
      code = failed;
    }
  }
  return code;
}

const verbs: ReadonlyMap<string, (job: Job) => number | Promise<number>> = new Map<
  string,
  (job: Job) => number | Promise<number>
>([
  ["show", show],
  ["new", makeNew],
  ["get", get],
  ["renew", renew],
]);

/** Exit 0 when all is well, 1 if `show` found one of no use, 111 if a certificate could not be had; 100 for a wrong command line. */
export const main: Program = async (call) => {
  const [verb = "", ...words] = call.args;
  const run = verbs.get(verb) ?? wrong(verb === "" ? "what is to be done?" : `there is no ${JSON.stringify(verb)}`);
  try {
    return await run({ call, words, home: resolve(call.cwd, findHome(call.env)) });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    call.stderr.write(`quail cert: ${error instanceof Error ? error.message : error}\n`);
    return failed;
  }
};
