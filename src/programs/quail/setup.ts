import { existsSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { findHome, readSetting } from "#control";
import { liveServers, makeResolver } from "#dns";
import { errorText } from "#files";
import { type Program, type ProgramCall, UsageError } from "#process";
import { ownAddresses } from "../qmail/dns-tools.ts";
import { accountCommands } from "./accounts.ts";
import { adopt, configureByDns, configureFast, type Say, SetupError, writeAliases } from "./set-up.ts";
import { signOfQmail } from "./start/fresh-home.ts";
import { readOptions } from "./start/options.ts";
import { systemdUnits } from "./systemd-units.ts";

const usage = `usage: quail setup ADDRESS [HOSTNAME]    control files for this host; ADDRESS gets postmaster's mail
       quail setup adopt [DIR]           take the place of the qmail that is installed in DIR
       quail setup accounts              print commands that make an account for each role, for root's shell
       quail setup systemd [--sockets] [DIR]
                                         print the unit for systemd, or write it to DIR; --sockets: units for the ports, too`;

/** What DNS and the kernel know of this machine. */
const machine = (home: string) => ({
  hostname: hostname(),
  addresses: ownAddresses(),
  resolver: makeResolver({ servers: liveServers(home) }),
});

/** Runs a setup; what it cannot do is one sentence and 111. */
export async function settingUp(call: ProgramCall, work: (home: string, say: Say) => Promise<number>): Promise<number> {
  const home = resolve(call.cwd, findHome(call.env));
  try {
    return await work(home, (line) => void call.stdout.write(`${line}\n`));
  } catch (error) {
    if (!(error instanceof SetupError) && !(error instanceof Error && "code" in error)) throw error;
    call.stderr.write(`${call.name}: fatal: ${error instanceof SetupError ? error.message : errorText(error)}\n`);
    return error instanceof SetupError ? 100 : 111;
  }
}

/** `config-fast`, `config`: as qmail's configuration scripts (spec 2.20). */
export const main: Program = (call) =>
  settingUp(call, async (home, say) => {
    if (call.name === "config") return (await configureByDns(home, machine(home), say)) ? 0 : 111;
    const [fqdn] = call.args;
    if (fqdn === undefined) throw new UsageError("config-fast: usage: config-fast fully.qualified.host.name");
    await configureFast(home, fqdn, say);
    return 0;
  });

/** Prints the units, or writes them to a folder. */
function setUpSystemd(call: ProgramCall, home: string, say: Say): number {
  const words = call.args.slice(1).filter((word) => word !== "--sockets");
  const [folder, ...more] = words;
  if (more.length > 0 || folder?.startsWith("-")) throw new UsageError(usage);
  const options = existsSync(join(home, "control")) ? (readSetting(home, "startoptions") ?? []) : [];
  const units = systemdUnits(home, readOptions(options), call.args.includes("--sockets"));
  for (const [name, text] of units) {
    if (folder === undefined) {
      const heading = units.size > 1 ? `# ${name}\n` : "";
      call.stdout.write(`${heading}${text}${units.size > 1 ? "\n" : ""}`);
    } else {
      const path = resolve(call.cwd, folder, name);
      writeFileSync(path, text);
      say(`wrote ${path}`);
    }
  }
  if (folder !== undefined)
    say(`now: systemctl daemon-reload && systemctl enable --now ${[...units.keys()].join(" ")}`);
  return 0;
}

/** `quail setup`: a home from nothing, or in place of an installed qmail. */
export const setup: Program = (call) =>
  settingUp(call, async (home, say) => {
    const [word, second, third] = call.args;
    if (word === "systemd") return setUpSystemd(call, home, say);
    if (word === undefined || word.startsWith("-") || third !== undefined) throw new UsageError(usage);
    if (word === "accounts") {
      for (const line of accountCommands(home)) say(line);
      return 0;
    }
    if (word === "adopt") {
      const folder = second === undefined ? home : resolve(call.cwd, second);
      if (signOfQmail(folder) === null) throw new SetupError(`no qmail is installed in ${folder}`);
      adopt(folder, say);
      return 0;
    }
    if (second !== undefined) await configureFast(home, second, say);
    else if (!(await configureByDns(home, machine(home), say))) return 111;
    writeAliases(home, word, say);
    return 0;
  });
