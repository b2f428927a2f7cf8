import { shownSpan, shownTime } from "#log";
import { type LogLine, loggedServices, readLog } from "./log-files.ts";

/**
 * `msg 17`, `qp 17`, `qp_17/` (a forward's report), `msg=17`, `qp=17`: how lines name a message (spec 8.2; our own lines say
 * `key=value`). `id=` is a session's.
 */
const naming = (id: number): RegExp => new RegExp(`(?:^|[ _/])(?:msg[ =]|qp[ =_]|bounce/)${id}(?![0-9])`);

const start = /^starting delivery ([0-9]+): msg ([0-9]+) to /;
const end = /^delivery ([0-9]+): /;

/**
 * Which lines of one log belong to a message: those that name it, and the ends of deliveries that were started for it. Delivery
 * numbers begin anew when the scheduler does, so a start forgets what the number meant before.
 */
export function storyOf(id: number): (text: string) => boolean {
  const named = naming(id);
  const open = new Set<string>();
  return (text) => {
    const started = start.exec(text);
    if (started !== null) {
      const [, delivery = "", message = ""] = started;
      const isOurs = Number(message) === id;
      if (isOurs) open.add(delivery);
      else open.delete(delivery);
      return isOurs;
    }
    const ended = end.exec(text)?.[1];
    if (ended !== undefined && open.delete(ended)) return true;
    return named.test(text);
  };
}

/** Every line about a message in every service's log, in order of time (lines of one log keep their order). */
export async function traceMessage(home: string, id: number): Promise<readonly LogLine[]> {
  const story: LogLine[] = [];
  for (const service of loggedServices(home)) {
    const belongs = storyOf(id);
    for await (const line of readLog(home, service)) if (belongs(line.text)) story.push(line);
  }
  return story.sort((a, b) => a.at.getTime() - b.at.getTime());
}

/** A story for people: local time, what has passed since the first line, the service, the line as it was logged. */
export function traceText(story: readonly LogLine[]): string {
  const first = story[0]?.at.getTime() ?? 0;
  const width = Math.max(...story.map(({ service }) => service.length), 0);
  const since = (at: Date): string => {
    const ms = at.getTime() - first;
    return ms < 10_000 ? `${(ms / 1000).toFixed(3)}s` : shownSpan(ms);
  };
  return story
    .map(({ at, service, text }) => {
      const ms = String(at.getMilliseconds()).padStart(3, "0");
      return `${shownTime(at)}.${ms}  ${`+${since(at)}`.padStart(9)}  ${service.padEnd(width)}  ${text}\n`;
    })
    .join("");
}
