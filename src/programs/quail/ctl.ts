/**
 * What qmailctl of the book does, on a running Quail: the verbs `quail stop`, `restart`, `reload`, ... and the program `qmailctl` are
 * both made of `commands` (spec 12.2, texts included).
 */
import { spawn } from "node:child_process";
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { findHome, readText } from "#control";
import { errorText } from "#files";
import { parseTcpRules } from "#net";
import { findRunning, isAlive, livedSeconds, type RunningHouse } from "#operate";
import { multiCallPath, type Program, type ProgramCall, UsageError } from "#process";
import {
  findService,
  readReport,
  reportLine,
  type ServiceView,
  sendCommands,
  type Trouble,
} from "#supervise/directory";

/** One command: 0 well, 1 there is nothing to do it to, 111 trouble. */
type Command = (call: ProgramCall, home: string) => Promise<number>;

/** A start that takes longer has lost its way; it goes on, but we say so. */
const startWithinMs = 90_000;
/** Deliveries under way may take as long as the supervisor gives them (start/plan.ts), and a little more. */
const stopWithinMs = 60_000;
const restartWithinMs = 60_000;
const pollMs = 50;

/** What the book calls the parts: smtpd is everything mail comes in by. */
const isSmtpd = (name: string): boolean => /^(smtpd|submission)(-\d+)?$/.test(name);
const isSend = (name: string): boolean => name === "queue";

/** Waits until `isSo`; false when time is up. */
async function until(isSo: () => boolean, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (!isSo()) {
    if (performance.now() > deadline) return false;
    await new Promise((wake) => setTimeout(wake, pollMs));
  }
  return true;
}

/** Says what is wrong; 111. */
function fail(call: ProgramCall, why: string, code = 111): number {
  call.stderr.write(`${call.name}: ${why}\n`);
  return code;
}

/** Runs a command on the Quail that is running; 1 if none is. */
const onRunning =
  (act: (call: ProgramCall, home: string, house: RunningHouse) => Promise<number>): Command =>
  async (call, home) => {
    const house = findRunning(home);
    if (house === null) return fail(call, `no Quail is running on ${home}`, 1);
    try {
      return await act(call, home, house);
    } catch (error) {
      if (!(error instanceof Error && "code" in error)) throw error;
      const denied = error.code === "EPERM";
      return fail(call, denied ? `the Quail on ${home} runs as another user: be that one, or root` : errorText(error));
    }
  };

function signalAll(house: RunningHouse, isMeant: (name: string) => boolean, signal: NodeJS.Signals): void {
  for (const { name, pid } of house.services) if (isMeant(name)) process.kill(pid, signal);
}

/** Pauses services or lets them go on, now, and tells their supervisor, so that svstat knows of it. */
function pauseAll(
  call: ProgramCall,
  home: string,
  house: RunningHouse,
  isMeant: (name: string) => boolean,
  on: boolean,
) {
  signalAll(house, isMeant, on ? "SIGSTOP" : "SIGCONT");
  for (const { name } of house.services.filter((one) => isMeant(one.name))) {
    const service = findService(home, join("service", name), call.env);
    if (!("trouble" in service)) sendCommands(service, on ? "p" : "c");
  }
}

/** `quail start` in the background, with words from control/startoptions and the command line. Resolves when it is ready. */
const start: Command = async (call, home) => {
  const running = findRunning(home);
  if (running !== null) {
    call.stdout.write(`Quail is running already (process ${running.supervisor})\n`);
    return 0;
  }
  call.stdout.write("Starting qmail\n");
  let said: string;
  let fd: number;
  try {
    mkdirSync(join(home, "run"), { recursive: true, mode: 0o711 });
    said = join(home, "run", "said");
    fd = openSync(said, "w", 0o644);
  } catch (error) {
    return fail(call, `cannot start on ${home}: ${errorText(error)}`);
  }
  const words = ["start", "--quiet", "--home", home, ...call.args];
  const child = spawn(multiCallPath, words, {
    cwd: "/",
    detached: true,
    env: { ...call.env, QUAIL_HOME: home },
    stdio: ["ignore", fd, fd],
  });
  closeSync(fd);
  let ended = false;
  child.once("error", () => (ended = true));
  child.once("exit", () => (ended = true));
  child.unref();
  const isReady = (): boolean => existsSync(join(home, "ready")) && findRunning(home) !== null;
  await until(() => ended || isReady(), startWithinMs);
  if (!ended && isReady()) return 0;
  call.stderr.write(readFileSync(said, "utf8"));
  return fail(call, ended ? "Quail did not start" : `not ready after ${startWithinMs / 1000} seconds; see ${home}/log`);
};

const stop = onRunning(async (call, _home, house) => {
  call.stdout.write("Stopping qmail...\n  qmail-smtpd\n");
  // What is paused would not hear of its end.
  signalAll(house, () => true, "SIGCONT");
  process.kill(house.supervisor, "SIGTERM");
  call.stdout.write("  qmail-send\n");
  if (await until(() => !isAlive(house.supervisor), stopWithinMs)) return 0;
  return fail(call, `process ${house.supervisor} has not ended after ${stopWithinMs / 1000} seconds`);
});

/** Services are kept: each that ends is started again by the supervisor. */
const restart = onRunning(async (call, home, house) => {
  call.stdout.write("Restarting qmail:\n* Stopping qmail-smtpd.\n");
  signalAll(house, () => true, "SIGCONT");
  signalAll(house, isSmtpd, "SIGTERM");
  const old = house.services.filter(({ name }) => isSmtpd(name) || isSend(name));
  const gone = (isMeant: (name: string) => boolean): boolean =>
    old.every(({ name, pid }) => !isMeant(name) || !isAlive(pid));
  if (!(await until(() => gone(isSmtpd), stopWithinMs))) return fail(call, "qmail-smtpd does not stop");
  call.stdout.write("* Sending qmail-send SIGTERM and restarting.\n");
  signalAll(house, isSend, "SIGTERM");
  if (!(await until(() => gone(isSend), stopWithinMs))) return fail(call, "qmail-send does not stop");
  call.stdout.write("* Restarting qmail-smtpd.\n");
  const isBack = (): boolean => {
    const now = findRunning(home)?.services ?? [];
    return old.every(({ name, pid }) => now.some((one) => one.name === name && one.pid !== pid));
  };
  return (await until(isBack, restartWithinMs)) ? 0 : fail(call, "not all services have come back; see log/");
});

const reload = onRunning(async (call, _home, house) => {
  call.stdout.write("Sending HUP signal to qmail-send.\n");
  process.kill(house.supervisor, "SIGHUP");
  return 0;
});

const doqueue = onRunning(async (call, _home, house) => {
  call.stdout.write("Flushing timeout table and sending ALRM signal to qmail-send.\n");
  const cleared = await call.exec(["qmail-tcpok"]);
  process.kill(house.supervisor, "SIGALRM");
  return cleared;
});

const pause = onRunning(async (call, home, house) => {
  call.stdout.write("Pausing qmail-send\n");
  pauseAll(call, home, house, isSend, true);
  call.stdout.write("Pausing qmail-smtpd\n");
  pauseAll(call, home, house, isSmtpd, true);
  return 0;
});

const cont = onRunning(async (call, home, house) => {
  call.stdout.write("Continuing qmail-send\n");
  pauseAll(call, home, house, isSend, false);
  call.stdout.write("Continuing qmail-smtpd\n");
  pauseAll(call, home, house, isSmtpd, false);
  return 0;
});

/** svstat's line for a service. */
function statLine(name: string, pid: number): string {
  const seconds = livedSeconds(pid);
  return `${name}: up (pid ${pid})${seconds === null ? "" : ` ${seconds} seconds`}\n`;
}

/** svstat's lines for what else stands in `service/`: services that are down, those of the admin's, and their logs. */
function otherLines(call: ProgramCall, home: string, house: RunningHouse): string {
  const running = new Set(house.services.map(({ name }) => name));
  const names = namesIn(join(home, "service")).filter((name) => !running.has(name) && !name.startsWith("."));
  const withLogs = names.flatMap((name) => [
    name,
    ...(existsSync(join(home, "service", name, "log")) ? [`${name}/log`] : []),
  ]);
  return withLogs.map((name) => otherLine(name, findService(home, join("service", name), call.env))).join("");
}

function otherLine(name: string, service: ServiceView | Trouble): string {
  const report = "trouble" in service ? service : readReport(service);
  const text = "trouble" in report ? report.trouble : reportLine(report.records[0], report.normallyUp, Date.now());
  return `${name}: ${text}\n`;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // A home from before there were service directories.
  }
}

const stat: Command = async (call, home) => {
  const house = findRunning(home);
  if (house === null) call.stdout.write(`${home}: down\n`);
  else {
    const lines = house.services.map(({ name, pid }) => statLine(name, pid));
    call.stdout.write(statLine("supervisor", house.supervisor) + lines.join("") + otherLines(call, home, house));
  }
  const counted = await call.exec(["qmail-qstat"]);
  return house === null ? 1 : counted;
};

const queue: Command = async (call) => {
  const counted = await call.exec(["qmail-qstat"]);
  return counted === 0 ? call.exec(["qmail-qread"]) : counted;
};

/** The book's rules, compiled for tcpserver. */
const classicRules = "/etc/tcp.smtp";

/**
 * Quail itself reads control/tcp.smtp at each connection, so that nothing needs compiling: its syntax is looked over. Where the book's
 * /etc/tcp.smtp stands, its cdb is made anew, for a tcpserver that reads it.
 */
export async function reloadRules(call: ProgramCall, home: string, classic: string): Promise<number> {
  const own = readText(home, "tcp.smtp");
  const hasClassic = existsSync(classic);
  if (own === null && !hasClassic) return fail(call, `there is neither ${home}/control/tcp.smtp nor ${classic}`, 1);
  if (own !== null) {
    const rules = parseTcpRules(own);
    if (!("find" in rules)) return fail(call, `control/tcp.smtp line ${rules.line} is no rule: ${rules.text}`);
    call.stdout.write(`Reloaded ${join(home, "control", "tcp.smtp")}.\n`);
  }
  if (!hasClassic) return 0;
  const { createReadStream } = await import("node:fs");
  const stdin = createReadStream(classic);
  const code = await call.exec(["tcprules", `${classic}.cdb`, `${classic}.tmp`], { stdin });
  if (code !== 0) return fail(call, `tcprules cannot make ${classic}.cdb`);
  chmodSync(`${classic}.cdb`, 0o644);
  call.stdout.write(`Reloaded ${classic}.\n`);
  return 0;
}

const help: Command = async ({ stdout }) => {
  const width = Math.max(...explanations.map(([name]) => name.length));
  stdout.write(explanations.map(([name, text]) => `${name.padEnd(width)}  ${text}\n`).join(""));
  return 0;
};

const explanations: readonly (readonly [name: string, text: string])[] = [
  ["start", "starts the mail system in the background (nothing happens if it runs)"],
  ["stop", "stops it: nothing comes in or goes out; deliveries under way are finished"],
  ["restart", "stops and starts what receives mail and the queue, so that they read all settings"],
  ["doqueue", "tries every waiting message now, and forgets which hosts did not answer"],
  ["flush", "the same as doqueue"],
  ["reload", "sends HUP: control/locals and virtualdomains are read again"],
  ["stat", "shows what runs, and how many messages are in the queue"],
  ["pause", "stands still until cont: connections are taken and not answered"],
  ["cont", "goes on after a pause"],
  ["cdb", "looks tcp.smtp over, and compiles /etc/tcp.smtp if there is one"],
  ["queue", "shows the queue"],
  ["help", "this text"],
];

/** Every command of qmailctl by name; `alrm` and `hup` are other names the book knows. */
export const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ["start", start],
  ["stop", stop],
  ["restart", restart],
  ["doqueue", doqueue],
  ["flush", doqueue],
  ["alrm", doqueue],
  ["reload", reload],
  ["hup", reload],
  ["stat", stat],
  ["pause", pause],
  ["cont", cont],
  ["cdb", (call, home) => reloadRules(call, home, classicRules)],
  ["queue", queue],
  ["help", help],
]);

/** A command as a verb of `quail`. */
export const verb =
  (name: string): Program =>
  async (call) => {
    const command = commands.get(name);
    if (command === undefined || call.args.length > 0) throw new UsageError(`usage: quail ${name}`);
    return command(call, resolve(call.cwd, findHome(call.env)));
  };
