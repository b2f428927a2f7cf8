/** Where a message ends: in a Maildir of the same machine, or in an SMTP sink behind the server. */
export type Flow = "maildir" | "sink";

/** One row of the benchmark: the same load for every server. */
export type Cell = {
  readonly flow: Flow;
  readonly sessions: number;
  readonly sizeKb: number;
  /** One message per connection, or as many as fall to a session over one connection. */
  readonly perConnection: "one" | "many";
  readonly messages: number;
  /** Sent before the clock starts: processes are there, compilers and caches have seen the work. */
  readonly warmUp: number;
};

const flows: readonly Flow[] = ["maildir", "sink"];

/** Enough messages for two seconds or more of the slower server, so that 5 ms of polling do not matter. */
function messagesFor(sessions: number, sizeKb: number): number {
  if (sizeKb >= 100) return 800;
  return sessions === 1 ? 1000 : 2000;
}

function cell(flow: Flow, sizeKb: number, sessions: number, perConnection: Cell["perConnection"]): Cell {
  const messages = messagesFor(sessions, sizeKb);
  return { flow, sessions, sizeKb, perConnection, messages, warmUp: messages / 2 };
}

/** Both flows with 1/10/100 KB and 1/20/100 sessions, one message per connection; 10 KB also with many. */
export const fullCells: readonly Cell[] = flows.flatMap((flow) =>
  [10, 1, 100].flatMap((sizeKb) =>
    [1, 20, 100].flatMap((sessions) => [
      cell(flow, sizeKb, sessions, "one"),
      ...(sizeKb === 10 ? [cell(flow, sizeKb, sessions, "many")] : []),
    ]),
  ),
);

/** The few that tell most, for a look between two edits. */
export const quickCells: readonly Cell[] = [
  cell("maildir", 10, 20, "one"),
  cell("maildir", 10, 20, "many"),
  cell("maildir", 10, 1, "one"),
  cell("sink", 10, 20, "one"),
].map((full) => ({ ...full, messages: full.messages / 2, warmUp: full.warmUp / 2 }));

/** `maildir-10k-20x-one`: what `--case` looks for. */
export function cellName(cell: Cell): string {
  return `${cell.flow}-${cell.sizeKb}k-${cell.sessions}x-${cell.perConnection}`;
}
