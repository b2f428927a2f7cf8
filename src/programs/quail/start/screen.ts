/** What `quail start` shows: a few lines that line up, then the log as it comes. */
import { relative } from "node:path";
import { findHome } from "#control";
import { multiCallPath } from "#process";
import { testAccount, testAddress } from "./fresh-home.ts";
import type { PortName, StartOptions } from "./options.ts";
import { endpoint } from "./plan.ts";

/** What each listener is for. */
const purposes: Readonly<Record<PortName, string>> = {
  smtp: "SMTP: mail from other hosts",
  submission: "SMTP: mail from mail readers and your programs",
  smtps: "SMTP over TLS: the same",
  pop3: "POP3: mail for mail readers",
  pop3s: "POP3 over TLS: the same",
  metrics: "HTTP: numbers for Prometheus",
};

type Row = readonly [name: string, what: string, note: string];

function aligned(rows: readonly Row[]): string {
  const width = (column: 0 | 1): number => Math.max(...rows.map((row) => row[column].length));
  const [first, second] = [width(0), width(1)];
  return rows
    .map(([name, what, note]) => `  ${name.padEnd(first)}  ${what.padEnd(second)}  ${note}`.trimEnd())
    .join("\n");
}

/** The shorter of an absolute path and the way from `cwd`. */
function shortPath(path: string, cwd: string): string {
  const way = relative(cwd, path);
  return way !== "" && way.length < path.length && !way.startsWith("../..") ? way : path;
}

const plainPath = /^[A-Za-z0-9_./:@%+,=-]+$/;

function quoted(word: string): string {
  return plainPath.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The line to copy that sends a first message into this home, from `cwd`. */
export function firstMessageLine(home: string, cwd: string, env: NodeJS.ProcessEnv): string {
  const command = quoted(shortPath(multiCallPath, cwd));
  const where = findHome(env) === home ? "" : `QUAIL_HOME=${quoted(home)} `;
  return `printf 'Subject: hello\\n\\nIt works.\\n' | ${where}${command} sendmail ${testAddress}`;
}

/** What runs where, the test mailbox (if this home has one) and how to try it. */
export function welcome(
  home: string,
  options: StartOptions,
  place: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly hasTestAccount: boolean },
): string {
  const ports = (Object.keys(purposes) as PortName[]).flatMap((name): readonly Row[] => {
    const port = options.ports[name];
    if (port === null) return [];
    return [[name, endpoint(name === "metrics" ? "127.0.0.1" : options.host, port), purposes[name]]];
  });
  const inner: readonly Row[] = [["queue, local, remote", "", "store; deliver here; deliver elsewhere"]];
  const shown = shortPath(home, place.cwd);
  const lines = [`Quail in ${home}`, "", aligned([...ports, ...inner])];
  if (place.hasTestAccount) {
    lines.push(
      "",
      `  mailbox  ${testAddress}, its password in ${shown}/welcome.txt`,
      `  send     ${firstMessageLine(home, place.cwd, place.env)}`,
      `  read     cat ${quoted(shown)}/home/${testAccount}/Maildir/new/*`,
    );
  }
  return `${lines.join("\n")}\n\n`;
}
