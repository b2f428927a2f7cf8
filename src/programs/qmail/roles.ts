import { findHome } from "#control";
import { findRunning } from "#operate";
import type { Program } from "#process";

/** What each of qmail's daemons did, and which service of Quail does it. */
const roles: ReadonlyMap<string, string> = new Map([
  ["qmail-send", "the queue service does its work"],
  ["qmail-lspawn", "the local service does its work"],
  ["qmail-rspawn", "the remote service does its work"],
  ["qmail-clean", "the queue service does its work"],
]);

/**
 * `qmail-send`, `qmail-lspawn`, `qmail-rspawn`, `qmail-clean`: daemons that qmail-start runs on descriptors of its own, and that nobody
 * starts by hand. Here they are services of `quail start`: the one sentence says so. Exit codes are those of the originals that
 * find no descriptors: 111, and 100 for qmail-lspawn without its argument.
 */
export const main: Program = async ({ name, args, env, stdout, stderr }) => {
  if (name === "qmail-send" && findRunning(findHome(env)) !== null) {
    stdout.write("alert: cannot start: qmail-send is already running\n");
    return 111;
  }
  const said = `${name}: this is a part of 'quail start' and of 'qmail-start' (${roles.get(name)}); it cannot be started by itself\n`;
  stderr.write(said);
  return name === "qmail-lspawn" && args.length === 0 ? 100 : 111;
};
