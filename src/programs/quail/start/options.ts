import { isIP } from "node:net";
import { UsageError } from "#process";

/** The listeners of a house, in the order they are shown. */
export const portNames = ["smtp", "submission", "smtps", "pop3", "pop3s", "metrics"] as const;
export type PortName = (typeof portNames)[number];

export const defaultPorts: Readonly<Record<PortName, number>> = {
  smtp: 2525,
  submission: 2587,
  smtps: 2465,
  pop3: 2110,
  pop3s: 2995,
  metrics: 2595,
};

/** What the command line of `quail start` asks for. */
export type StartOptions = {
  /** As typed; null: by QUAIL_HOME or the default. */
  readonly home: string | null;
  readonly host: string;
  /** null: that listener is off. */
  readonly ports: Readonly<Record<PortName, number | null>>;
  /** Processes that serve SMTP together; null: as fits the machine. */
  readonly smtpd: number | null;
  readonly quiet: boolean;
  readonly help: boolean;
};

export const usage = `usage: quail start [option ...]
Runs the whole mail system in this terminal until Ctrl-C; makes the home on the first start.

  --home DIR      where control files, queue, logs and mailboxes live
                  (npm start: ./var; else $QUAIL_HOME, else /var/qmail or this checkout's var)
  --host ADDRESS  the address to listen on; 127.0.0.1 unless told
  --port NAME=N   the port of a service, or NAME=off; any number of times:
                    smtp        2525  mail from other hosts
                    submission  2587  mail from mail readers and your programs
                    smtps       2465  the same, with TLS from the first octet on
                    pop3        2110  mail for mail readers
                    pop3s       2995  the same, with TLS from the first octet on
                    metrics     2595  numbers for Prometheus, on 127.0.0.1 only
  --smtpd N       processes that serve SMTP together
  --quiet         print nothing but "quail: ready" and errors; logs go to DIR/log/ only
  --help          this text

Services, each a process of its own: queue, local, remote, smtpd, submission, pop3d, metrics;
auth and workers of each user while they are needed.
`;

/** More processes than this only get in each other's way. */
export const maxSmtpdCount = 64;

function wrong(sentence: string): never {
  throw new UsageError(`quail start: ${sentence}; 'quail start --help' lists the options`);
}

function wholeNumber(text: string, min: number, max: number): number | null {
  const number = /^[0-9]{1,5}$/.test(text) ? Number(text) : -1;
  return number >= min && number <= max ? number : null;
}

function isPortName(name: string): name is PortName {
  return (portNames as readonly string[]).includes(name);
}

function readPort(word: string, ports: Record<PortName, number | null>): void {
  const [, name = "", value = ""] = /^([^=]*)=(.*)$/s.exec(word) ?? [];
  const number = value === "off" ? null : wholeNumber(value, 1, 65_535);
  if (number === null && value !== "off") wrong(`--port ${word}: NAME=N is wanted, N from 1 to 65535`);
  if (!isPortName(name)) wrong(`--port ${word}: there is no service "${name}" with a port`);
  ports[name] = number;
}

/** Reads the words after `quail start`; `--name value` and `--name=value` alike. Throws UsageError with one clear sentence. */
export function readOptions(words: readonly string[]): StartOptions {
  let home: string | null = null;
  let host = "127.0.0.1";
  let smtpd: number | null = null;
  let quiet = false;
  let help = false;
  const ports: Record<PortName, number | null> = { ...defaultPorts };
  for (let at = 0; at < words.length; at++) {
    const [, name = "", inline] = /^(--?[a-z]+)(?:=(.*))?$/s.exec(words[at]!) ?? [];
    const value = (): string => inline ?? words[++at] ?? wrong(`${name} wants a value`);
    if (name === "--home") home = value();
    else if (name === "--host") host = value();
    else if (name === "--port") readPort(value(), ports);
    else if (name === "--smtpd") {
      const count = value();
      smtpd =
        wholeNumber(count, 1, maxSmtpdCount) ??
        wrong(`--smtpd ${count}: a number from 1 to ${maxSmtpdCount} is wanted`);
    } else if (name === "--quiet" && inline === undefined) quiet = true;
    else if ((name === "--help" || name === "-h") && inline === undefined) help = true;
    else wrong(`unknown option ${words[at]}`);
  }
  if (home === "") wrong("--home wants the name of a folder");
  if (isIP(host) === 0) wrong(`--host ${host} is no IP address`);
  return { home, host, ports, smtpd, quiet, help };
}
