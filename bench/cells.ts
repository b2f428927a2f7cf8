/** Where a message ends: in a Maildir of the same machine, or in an SMTP sink behind the server. */
export type Flow = "maildir" | "sink";

/** One row of the benchmark: the same load for every server. */
export type Cell = {
  readonly flow: Flow;
  readonly sessions: number;
  readonly sizeKb: number;
  /** One message per connection, or as many as fall to a session over one connection. */
  readonly perConnection: "one" | "many";
  /** Messages of the measured run; as many sessions again are sent before it to warm both servers up. */
  readonly messages: number;
};

const flows: readonly Flow[] = ["maildir", "sink"];

/** Enough messages for two seconds or more of the slower server, so that 5 ms of polling do not matter. */
function messagesFor(sessions: number, sizeKb: number): number {
  if (sizeKb >= 100) return 800;
  return sessions === 1 ? 1000 : 2000;
}

function cell(flow: Flow, sizeKb: number, sessions: number, perConnection: Cell["perConnection"]): Cell {
  return { flow, sessions, sizeKb, perConnection, messages: messagesFor(sessions, sizeKb) };
}

/** Every combination of flow, 1/10/100 KB, 1/20/100 sessions, one and many messages per connection. */
export const fullCells: readonly Cell[] = flows.flatMap((flow) =>
  [10, 1, 100].flatMap((sizeKb) =>
    [1, 20, 100].flatMap((sessions) => [cell(flow, sizeKb, sessions, "one"), cell(flow, sizeKb, sessions, "many")]),
  ),
);

/** The few that tell most, for a look between two edits. */
export const quickCells: readonly Cell[] = flows.flatMap((flow) => [
  cell(flow, 10, 20, "one"),
  cell(flow, 10, 20, "many"),
  cell(flow, 10, 1, "one"),
]);

/** `maildir-10k-20x-one`: what `--case` looks for. */
export function cellName(cell: Cell): string {
  return `${cell.flow}-${cell.sizeKb}k-${cell.sessions}x-${cell.perConnection}`;
}
