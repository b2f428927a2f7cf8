import { getopt, type Program, UsageError } from "#process";
import {
  findService,
  readReport,
  reportLine,
  type ServiceReport,
  type StatusRecord,
  secondsSince,
  type Trouble,
} from "#supervise/directory";

const usage = "svstat: usage: svstat [-L] [-l] [--json] dir [dir ...]";

/** Which parts of a service are shown: itself, its log (when one supervise has both). */
type Shown = { readonly main: boolean; readonly log: boolean };

function report(cwd: string, name: string, env: NodeJS.ProcessEnv): ServiceReport | Trouble {
  const service = findService(cwd, name, env);
  if (!("trouble" in service)) return readReport(service);
  // Its own line names the directory already.
  return { ...service, trouble: service.trouble.replace(`unable to chdir to ${name}:`, "unable to chdir:") };
}

function lines(name: string, found: ServiceReport | Trouble, { main, log }: Shown): string {
  if ("trouble" in found) return `${name}: ${found.trouble}\n`;
  const [service, ofLog] = found.records;
  const line = (record: StatusRecord): string => reportLine(record, found.normallyUp, Date.now());
  const first = main ? `${name}: ${line(service)}\n` : "";
  if (!log) return first;
  if (ofLog !== undefined) return `${first}${name} log: ${line(ofLog)}\n`;
  return main ? first : `${name}: no log service\n`;
}

/** What `--json` says of a record. */
function facts(record: StatusRecord) {
  const { pid, paused, wanted, state } = record;
  return {
    up: pid !== 0,
    pid: pid === 0 ? null : pid,
    seconds: secondsSince(record, Date.now()),
    paused,
    wanted,
    state,
  };
}

function asJson(name: string, found: ServiceReport | Trouble) {
  if ("trouble" in found) return { name, error: found.trouble };
  const [service, log] = found.records;
  return { name, ...facts(service), normallyUp: found.normallyUp, log: log === undefined ? null : facts(log) };
}

/** `svstat DIR ...`: a line on each service (spec 3). Always 0 but for a wrong option. */
export const main: Program = async ({ args, cwd, env, stdout }) => {
  const json = args.includes("--json");
  const words = getopt(
    args.filter((word) => word !== "--json"),
    "Ll",
  );
  if ("problem" in words) throw new UsageError(usage);
  const asked = new Set(words.options.map(([letter]) => letter));
  const shown: Shown = { main: asked.has("l") || !asked.has("L"), log: asked.has("L") || !asked.has("l") };
  const found = words.rest.map((name) => [name, report(cwd, name, env)] as const);
  if (json)
    stdout.write(
      `${JSON.stringify(
        found.map(([name, one]) => asJson(name, one)),
        null,
        2,
      )}\n`,
    );
  else stdout.write(found.map(([name, one]) => lines(name, one, shown)).join(""));
  return 0;
};
