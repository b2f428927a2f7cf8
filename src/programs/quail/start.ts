/** `quail start`: the whole mail system in one terminal. Makes the home, starts the services, follows the log, stops in order. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { utf8ToByteString } from "#bytes";
import { ControlError, checkHome, findHome, readSetting } from "#control";
import { tai64nOf } from "#log";
import { type Program, type ProgramCall, UsageError } from "#process";
import { tidyWhenQuiet } from "#process/memory";
import { type House, type HouseEvents, LogFile, lockHolder, lockHome, StartFailure, startHouse } from "#supervise";
import { startAfresh } from "./start/afresh.ts";
import { follow, logFormatter } from "./start/follow.ts";
import { type Dwellers, hasTestAccount, makeHome, makeRunFolder, refuseQmail } from "./start/fresh-home.ts";
import { become, handHome } from "./start/hand-over.ts";
import { journalLines, leadsToJournal } from "./start/journal.ts";
import { layOut } from "./start/lay-out.ts";
import { readOptions, type StartOptions, usage } from "./start/options.ts";
import { checkout, codeToWarm, planHouse, stopOrder } from "./start/plan.ts";
import { claimPorts } from "./start/ports.ts";
import { welcome } from "./start/screen.ts";
import { type ForeignServices, keepForeignServices, layServiceDirectories } from "./start/service-directories.ts";
import { StartError, step } from "./start/start-error.ts";
import { handedSockets, notifier, withoutSystemd } from "./start/systemd.ts";
import { keepTicketKeys } from "./start/ticket-keys.ts";
import { warmCaches } from "./start/warm-cache.ts";
import { decideWho, isForeign, type Who } from "./start/who.ts";

/** How long services of a supervisor that was killed may still take to end. */
const orphansEndWithinMs = 15_000;
/** A Ctrl-C in a terminal may reach us three times (from the terminal, through npm, through its script): one wish, not three. */
const sameSignalMs = 2_000;

/** What is said to people, whatever else goes on. */
type Voice = { readonly say: (text: string) => void; readonly complain: (sentence: string) => void };

/** How a house is started. */
export type Start = {
  readonly call: ProgramCall;
  readonly options: StartOptions;
  /** Absolute. */
  readonly home: string;
  /** qmail-start: instructions for users without any. */
  readonly defaultDelivery?: string;
  /** qmail-start: what takes the log's lines as they come, from the first on. Nothing else is said to anybody then. */
  readonly logTo?: (lines: Buffer) => void;
};

/** Keeps a second Quail out of this home, and waits for the services of one that was killed. */
async function takeHome(home: string, who: Who, { say }: Voice): Promise<number> {
  const owner = who.kind === "handed" ? who.ids : null;
  const [own, shared] = [join(home, "run", "supervisor.lock"), join(home, "run", "services.lock")];
  const lock = await step(`lock ${home}`, () => lockHome(own, 0, owner));
  if (lock === null) {
    throw new StartError(
      `another Quail (process ${lockHolder(own) ?? "unknown"}) runs on ${home}; stop it first, or take another --home`,
    );
  }
  const free = await step(`lock ${home}`, () => lockHome(shared, 0, owner));
  if (free !== null) return free.fd;
  say("quail: waiting for the services of an earlier Quail to end ...\n");
  const later = await lockHome(shared, orphansEndWithinMs, owner);
  if (later !== null) return later.fd;
  throw new StartError(`services of an earlier Quail on ${home} do not end; 'fuser ${shared}' shows which they are`);
}

/** Who we are, in a line; nothing when it is as everybody expects. */
function whoLine(who: Who, home: string): string {
  if (who.kind === "handed") {
    return `quail: started as root; everything runs as uid ${who.ids.uid} (${who.because}), which now owns ${home}\n${alone(who.because)}`;
  }
  if (who.kind === "roles") {
    const { smtpd, queue, remote, metrics } = who.roles;
    return `quail: started as root; smtpd runs as uid ${smtpd.uid}, queue ${queue.uid}, remote ${remote.uid}, metrics ${metrics.uid}, deliveries as whose mail it is\n`;
  }
  if (who.kind === "root") {
    return `quail: WARNING: everything runs as root, because ${who.because}; programs in .qmail files are off\n`;
  }
  return "";
}

/** How to part the services better, for who has not decided otherwise by whose the home is. */
const alone = (because: string): string =>
  because.startsWith("to whom")
    ? ""
    : "quail: 'quail setup accounts' prints how to give each service an account of its own\n";

/** Wrong values stop the start; doubtful lines are shown. What is doubtful of a whole file is the business of `quail config check`. */
function checkControl(home: string, { say }: Voice): void {
  const problems = checkHome(home);
  const line = (problem: (typeof problems)[number]): string =>
    `${problem.file}${problem.line === null ? "" : ` line ${problem.line}`}: ${problem.reason}`;
  const doubts = problems.filter((problem) => problem.level === "warning" && problem.line !== null);
  for (const problem of doubts) say(`quail: warning: ${line(problem)}\n`);
  const errors = problems.filter(({ level }) => level === "error");
  if (errors.length > 0)
    throw new StartError(errors.map((problem) => `${join(home, line(problem))}`).join("\nquail: "));
}

/** Stops the house on SIGINT and SIGTERM; passes HUP and ALRM on. Resolves when everything has ended. */
function untilStopped(house: House, home: string, whenStopping: () => void): Promise<void> {
  return new Promise((done) => {
    let stoppingSince: number | null = null;
    const stop = (): void => {
      if (stoppingSince !== null) {
        if (performance.now() - stoppingSince > sameSignalMs) house.hurryStop();
        return;
      }
      stoppingSince = performance.now();
      rmSync(join(home, "ready"), { force: true });
      whenStopping();
      void house.stop().then(done);
    };
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);
    process.on("SIGHUP", () => house.signal("SIGHUP"));
    process.on("SIGALRM", () => house.signal("SIGALRM", ["queue"]));
  });
}

/** Whose the test account of a fresh home is. */
function dwellers(who: Who): Dwellers {
  if (who.kind === "root") return { uid: 0, gid: 0 };
  if (who.kind === "roles") {
    const { alias, aliasIsNamed, smtpd } = who.roles;
    return { ...alias, othersAreUsers: aliasIsNamed, certificateGid: smtpd.gid };
  }
  return who.ids;
}

/** Makes the home and everything around it ready; the rest runs under the uid decided here. */
async function prepare(home: string, options: StartOptions, voice: Voice) {
  refuseQmail(home);
  const who = await decideWho(home, checkout);
  if (who.kind === "own" && isForeign(home, who.ids.uid)) {
    throw new StartError(
      `${home} belongs to another user; start as its owner or as root, or take another folder with --home`,
    );
  }
  if (who.kind === "handed") await handHome(home, who.ids);
  else await step(`make ${home}`, () => makeRunFolder(home));
  const lockFd = await takeHome(home, who, voice);
  const handed = handedSockets(process.env, process.pid);
  const kept = await claimPorts(options, who.kind === "handed" || who.kind === "roles", handed);
  if (who.kind === "handed") {
    await handHome(home, who.ids);
    become(who.ids);
  }
  await makeHome(home, dwellers(who));
  if (who.kind === "roles") await layOut(home, who.roles);
  rmSync(join(home, "ready"), { force: true });
  checkControl(home, voice);
  return { who, lockFd, kept };
}

/** Runs a house to its end; throws StartError or StartFailure when it does not come to life. */
export async function runHouse({ call, options, home, defaultDelivery, logTo }: Start): Promise<number> {
  const { stdout, stderr, env, cwd } = call;
  let up = false;
  // A house outlives whoever reads its complaints, and a disk that is too full for them: an error of `stderr` would end us.
  const complaints = follow(2);
  const voice: Voice = {
    say: (text) => {
      if (!options.quiet) stdout.write(text);
    },
    complain: (sentence) => {
      if (logTo === undefined && up) complaints.show(utf8ToByteString(`quail: ${sentence}\n`));
      else if (logTo === undefined) stderr.write(`quail: ${sentence}\n`);
      else logTo(stampedLine(`warning: ${sentence}`));
    },
  };
  const { who, lockFd, kept } = await prepare(home, options, voice);
  const dropTickets = await keepTicketKeys(home, who, voice.complain);
  voice.say(whoLine(who, home));
  voice.say(welcome(home, options, { cwd, env, hasTestAccount: hasTestAccount(home) }));

  const given = defaultDelivery === undefined ? {} : { defaultDelivery };
  const parts = { home, options, who, listenFds: kept, lockFd, env, ...given };
  const planned = planHouse(parts);
  const stages = await layServiceDirectories(home, planned);
  await step(`write to ${home}/run/cache`, () => warmCaches(home, join(checkout, "src"), codeToWarm(parts, planned)));

  const names = [...new Set(stages.flat().map(({ log }) => log)), "quail"];
  const format = leadsToJournal(env, 1)
    ? journalLines
    : logFormatter(names, (process.stdout.isTTY ?? false) && env.NO_COLOR === undefined);
  const screen = follow(1);
  const ownLog = new LogFile(join(home, "log", "quail"), voice.complain);
  const events: HouseEvents = {
    lines: (name, lines) => {
      logTo?.(lines);
      if (up && !options.quiet) screen.show(format(name, lines));
    },
    tell: (sentence) => {
      ownLog.append(Buffer.from(`${sentence}\n`));
      if (options.quiet || !up) voice.complain(sentence);
      else screen.show(format("quail", Buffer.from(`${sentence}\n`)));
    },
  };
  const early = new AbortController();
  const giveUp = (): void => early.abort();
  process.on("SIGINT", giveUp);
  process.on("SIGTERM", giveUp);
  const house = await startHouse(home, stages, stopOrder, events, early.signal);
  process.off("SIGINT", giveUp);
  process.off("SIGTERM", giveUp);

  await step(`write ${home}/ready`, () => writeFileSync(join(home, "ready"), `${process.pid}\n`));
  const own = new Set(stages.flat().map(({ name }) => name));
  const foreign = keepForeignServices(home, own, withoutSystemd(env), events.tell);
  const systemd = notifier(env, process.pid);
  const stopped = untilStopped(withForeign(house, foreign), home, () => {
    voice.say("quail: stopping ...\n");
    void systemd.stopping();
  });
  up = true;
  if (logTo === undefined) stdout.write("quail: ready\n");
  void systemd.ready(`${own.size} services are at work`);
  tidyWhenQuiet();
  await stopped;
  dropTickets();
  await ownLog.close();
  await screen.flush();
  voice.say("quail: stopped\n");
  return 0;
}

/** A house whose end begins with what the admin added to it: that may want to send mail to its last moment. */
function withForeign(house: House, foreign: ForeignServices): House {
  return {
    ...house,
    async stop() {
      await foreign.stop();
      await house.stop();
    },
    hurryStop() {
      foreign.hurryStop();
      house.hurryStop();
    },
  };
}

const stampedLine = (text: string): Buffer => Buffer.from(`${tai64nOf(new Date())} ${text}\n`);

/** What `control/startoptions` adds in front of the words of the command line; it cannot say which home it lies in. */
function optionsFor(home: string, args: readonly string[]): StartOptions {
  const words = existsSync(join(home, "control")) ? (readSetting(home, "startoptions") ?? []) : [];
  const file = join(home, "control", "startoptions");
  try {
    if (readOptions(words).home !== null) throw new UsageError("--home has no meaning in it");
  } catch (error) {
    if (error instanceof UsageError) throw new StartError(`${file}: ${error.message}`);
    throw error;
  }
  return readOptions([...words, ...args]);
}

/** The code of other rooms that this start comes to, so that it is compiled by now if it ever has to be. */
async function loadWhatIsNeeded(home: string): Promise<void> {
  const isFresh = !existsSync(join(home, "queue"));
  if (isFresh || process.getuid?.() === 0) await import("#users");
  if (isFresh) await import("#mailbox");
}

export const main: Program = async (call) => {
  const { help, home: named } = readOptions(call.args);
  if (help) {
    call.stdout.write(usage);
    return 0;
  }
  const home = resolve(call.cwd, named ?? findHome(call.env));
  await loadWhatIsNeeded(home);
  startAfresh();
  try {
    return await runHouse({ call, options: optionsFor(home, call.args), home });
  } catch (error) {
    if (!(error instanceof StartError || error instanceof StartFailure || error instanceof ControlError)) throw error;
    call.stderr.write(`quail: ${error.message}\n`);
    return 111;
  }
};
