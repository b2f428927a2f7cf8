import { readFileSync, statSync } from "node:fs";
import { type ByteString, lowerAscii, utf8ToByteString } from "#bytes";
import { readSetting } from "#control";
import { diskPath, errorText } from "#files";
import { type Instruction, parseInstructions } from "#local";
import { shown } from "#log";
import { type Address, type LocalRoute, parseAddress } from "#mail";
import { explainUser, type FoundUser, type Routed, type Routing, searchInstructions, type UserSources } from "#users";
import { explainRoute, explainSmtpRoute, lookedUp, type Step } from "./explain-route.ts";
import { programTargets } from "./program-targets.ts";

/** Where mail would end, or why it would not. */
export type Ending = {
  readonly kind: "maildir" | "mbox" | "program" | "forward" | "perhaps" | "remote" | "discard" | "bounce" | "defer";
  readonly text: string;
  /** The file and line that says so; null if none does. */
  readonly where: string | null;
};

/** Everything asked about one address, and the same for each address it is forwarded to. */
export type Explanation = {
  readonly address: string;
  readonly steps: readonly Step[];
  readonly endings: readonly Ending[];
  readonly forwards: readonly Explanation[];
};

/** What an explanation looks at. */
export type ExplainHouse = { readonly home: string; readonly routing: Routing; readonly sources: UserSources };

/** Forwards are followed this deep, and this many in all: a loop or a list must not keep us for ever. */
const maxDepth = 10;
const maxForwards = 200;

const ending = (kind: Ending["kind"], text: string, where: string | null = null): Ending => ({ kind, text, where });
const step = (question: string, answer: string, where: string | null = null): Step => ({ question, answer, where });

type Walk = { readonly house: ExplainHouse; readonly seen: Set<string>; left: number };
type Part = {
  readonly steps: readonly Step[];
  readonly endings: readonly Ending[];
  readonly forwards: readonly Address[];
};

const oneEnding = (end: Ending, ...steps: readonly Step[]): Part => ({ steps, endings: [end], forwards: [] });

/** Mode bits that make qmail wait: writable by others, sticky (spec 6.1). */
function homeFlaw(route: LocalRoute): string | null {
  try {
    const { mode } = statSync(diskPath(route.home));
    if ((mode & 0o002) !== 0) return "Uh-oh: home directory is writable. (#4.7.0)";
    return (mode & 0o1000) !== 0 ? "Home directory is sticky: user is editing his .qmail file. (#4.2.1)" : null;
  } catch (error) {
    return `Unable to switch to ${shown(route.home)}: ${errorText(error)}. (#4.3.0)`;
  }
}

/** Instructions with the lines they stand on. The parser looks at a first line more closely than at others. */
function numbered(text: ByteString): readonly { readonly instruction: Instruction; readonly line: number }[] {
  return text
    .split("\n")
    .flatMap((line, at) =>
      parseInstructions(at === 0 ? `${line}\n` : `#\n${line}\n`).map((instruction) => ({ instruction, line: at + 1 })),
    );
}

/** A path as the delivery sees it: from the home, unless it is absolute. */
const inHome = (route: LocalRoute, path: ByteString): string =>
  shown(path.startsWith("/") ? path : `${route.home}/${path.replace(/^\.\//, "")}`);

/** Whose mail an instruction file gets: what its program lines are told. */
type Told = { readonly route: LocalRoute; readonly recipient: Address; readonly defaultPart: ByteString | null };

function follow(told: Told, text: ByteString, where: string, isForwardOnly: boolean): Part {
  const { route } = told;
  const endings: Ending[] = [];
  const forwards: Address[] = [];
  let forwardOnly = isForwardOnly;
  for (const { instruction, line } of numbered(text)) {
    const at = `${where}:${line}`;
    switch (instruction.kind) {
      case "blank-first":
        return oneEnding(ending("defer", "Uh-oh: first line of .qmail file is blank. (#4.2.1)", at));
      case "forward-only":
        forwardOnly = true;
        break;
      case "mbox":
      case "maildir":
        if (forwardOnly)
          return oneEnding(ending("defer", "Uh-oh: .qmail has file delivery but has x bit set. (#4.7.0)", at));
        endings.push(ending(instruction.kind, inHome(route, instruction.path), at));
        break;
      case "program":
        if (forwardOnly)
          return oneEnding(ending("defer", "Uh-oh: .qmail has prog delivery but has x bit set. (#4.7.0)", at));
        endings.push(...programEndings(instruction.command, told, at, forwards));
        break;
      case "forward": {
        const address = parseAddress(instruction.address);
        if (address !== null) forwards.push(address);
        endings.push(ending("forward", shown(instruction.address), at));
        break;
      }
    }
  }
  const nothing = ending("discard", "the instructions say nothing: mail is accepted and thrown away", where);
  return { steps: [], endings: endings.length === 0 ? [nothing] : endings, forwards };
}

/** A program line: where it leads if it is one of ours that forwards, else the line itself. */
function programEndings(command: ByteString, told: Told, at: string, forwards: Address[]): readonly Ending[] {
  const targets = programTargets(command, told.route, told.recipient, told.defaultPart);
  if (targets === null) return [ending("program", shown(command), at)];
  forwards.push(...targets.addresses);
  const ends = targets.addresses.map((address) => ending(targets.kind, shown(address), at));
  return targets.kind === "forward" ? ends : [ending("program", shown(command), at), ...ends];
}

/** The default delivery: for a user without instructions, and for an empty file. */
function byDefault(told: Told, house: ExplainHouse): Part {
  return follow(told, readSetting(house.home, "defaultdelivery"), "control/defaultdelivery", false);
}

/** The user's instruction file (spec 6.2), and what it says. */
async function instructionPart(route: LocalRoute, recipient: Address, house: ExplainHouse): Promise<Part> {
  const flaw = homeFlaw(route);
  if (flaw !== null) return oneEnding(ending("defer", flaw));
  const search = await searchInstructions(route);
  const answers = { file: "yes", none: "no", hidden: "not to be seen by us" } as const;
  const steps = search.looked.map(({ file, sight }) =>
    step(`is there ${shown(route.home)}/${shown(file.file)}?`, answers[sight]),
  );
  const last = search.looked.at(-1)?.file;
  const path = `${route.home}/${last?.file ?? ".qmail"}`;
  const told = { route, recipient, defaultPart: last?.defaultPart ?? null };
  const rest = instructionsIn(told, path, search.result, house);
  return { ...rest, steps: [...steps, ...rest.steps] };
}

function instructionsIn(told: Told, path: ByteString, sight: "file" | "none" | "hidden", house: ExplainHouse): Part {
  if (sight === "hidden") return oneEnding(ending("defer", `Unable to open ${shown(path)} (are you root?)`));
  if (sight === "none") {
    return told.route.dash === ""
      ? byDefault(told, house)
      : oneEnding(ending("bounce", "Sorry, no mailbox here by that name. (#5.1.1)"));
  }
  try {
    const { mode } = statSync(diskPath(path));
    if ((mode & 0o002) !== 0)
      return oneEnding(ending("defer", "Uh-oh: .qmail file is writable. (#4.7.0)", shown(path)));
    const text = readFileSync(diskPath(path), "latin1");
    const isEmpty = text === "";
    const part = isEmpty ? byDefault(told, house) : follow(told, text, shown(path), (mode & 0o100) !== 0);
    return isEmpty ? { ...part, steps: [step("does it say anything?", "no, it is empty")] } : part;
  } catch (error) {
    return oneEnding(ending("defer", `Unable to open ${shown(path)}: ${errorText(error)}. (#4.3.0)`));
  }
}

const userStep = (found: FoundUser): Step => {
  const { via } = found;
  if (found.kind === "outcome") return step("who is it?", shown(found.outcome.text.trimEnd()) || "nobody", via);
  const { user, uid, gid, home, dash, ext } = found.route;
  return step(
    "who is it?",
    `${shown(user)} (uid ${uid}, gid ${gid}), home ${shown(home)}, dash "${shown(dash)}", ext "${shown(ext)}"`,
    via,
  );
};

async function localPart(routed: Routed, house: ExplainHouse): Promise<Part> {
  const { questions, found } = await explainUser(lookedUp(routed), house.sources);
  const steps = [
    ...questions.map(({ question, answer }) => step(shown(`${question}?`), shown(answer))),
    userStep(found),
  ];
  if (found.kind === "outcome") {
    const { fate, text } = found.outcome;
    const kind = fate === "done" ? "discard" : fate === "temporary" ? "defer" : "bounce";
    return oneEnding(ending(kind, shown(text.trimEnd()) || "mail without a local part is thrown away"), ...steps);
  }
  const part = await instructionPart(found.route, routed.address, house);
  return { ...part, steps: [...steps, ...part.steps] };
}

async function explain(address: Address, depth: number, walk: Walk): Promise<Explanation> {
  const { house } = walk;
  const { steps, routed } = explainRoute(address, house.routing);
  const route = step("so where does it go?", `${routed.channel} ${shown(routed.address)}`, routed.via);
  if (routed.channel === "remote") {
    const { step: asked, relay } = explainSmtpRoute(house.home, routed.address);
    const text = relay === null ? `${shown(routed.address)} by MX` : `${shown(routed.address)} by ${relay}`;
    return {
      address: shown(address),
      steps: [...steps, route, asked],
      endings: [ending("remote", text, asked.where)],
      forwards: [],
    };
  }
  const part = await localPart(routed, house);
  const forwards: Explanation[] = [];
  for (const forward of part.forwards) {
    const key = lowerAscii(forward);
    if (walk.left-- <= 0 || depth >= maxDepth || walk.seen.has(key)) continue;
    walk.seen.add(key);
    forwards.push(await explain(forward, depth + 1, walk));
  }
  return { address: shown(address), steps: [...steps, route, ...part.steps], endings: part.endings, forwards };
}

/**
 * Asks every question that the system asks about an address, and follows forwards (each address once). Sends nothing, opens users'
 * instruction files only. Null if `text` is no address. Throws ControlError if a control file cannot be read.
 */
export async function explainAddress(text: string, house: ExplainHouse): Promise<Explanation | null> {
  const address = parseAddress(utf8ToByteString(text));
  if (address === null) return null;
  return explain(address, 0, { house, seen: new Set([lowerAscii(address)]), left: maxForwards });
}

const endingWords = {
  maildir: "delivered to the Maildir",
  mbox: "appended to the mbox",
  program: "given to the program",
  forward: "forwarded to",
  perhaps: "forwarded instead, if the program it asks says so, to",
  remote: "sent to",
  discard: "thrown away:",
  bounce: "bounced:",
  defer: "kept in the queue:",
} as const satisfies Record<Ending["kind"], string>;

const from = (where: string | null): string => (where === null ? "" : `   [${where}]`);

/** An explanation for people: questions, answers, the files that answered, and where mail ends; forwards are indented. */
export function explanationText(explanation: Explanation, indent = ""): string {
  const { address, steps, endings, forwards } = explanation;
  return [
    `${indent}${address}\n`,
    ...steps.map(({ question, answer, where }) => `${indent}  ${question} ${answer}${from(where)}\n`),
    ...endings.map(({ kind, text, where }) => `${indent}  => ${endingWords[kind]} ${text}${from(where)}\n`),
    ...forwards.map((forward) => explanationText(forward, `${indent}    `)),
  ].join("");
}
