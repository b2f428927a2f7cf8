/** Where a message ends: in a Maildir of the same machine, or in an SMTP sink behind the server. */
export type Flow = "maildir" | "sink";

/** One row of the benchmark: the same load for every server. */
export type Cell = {
  readonly flow: Flow;
  readonly sessions: number;
  readonly sizeKb: number;
  /** One message per connection, or as many as fall to a session over one connection. */
  readonly perConnection: "one" | "many";
  /** What a fast server does here, messages per second: how many messages a run of so many seconds needs. */
  readonly expectedRate: number;
};

const flows: readonly Flow[] = ["maildir", "sink"];

function expectedRate(sizeKb: number, sessions: number, perConnection: Cell["perConnection"]): number {
  if (sizeKb >= 100) return sessions === 1 ? 500 : 900;
  if (sessions === 1) return 1000;
  return perConnection === "many" ? 3000 : 2200;
}

function cell(flow: Flow, sizeKb: number, sessions: number, perConnection: Cell["perConnection"]): Cell {
  return { flow, sessions, sizeKb, perConnection, expectedRate: expectedRate(sizeKb, sessions, perConnection) };
}

/** 10 KB: both flows, 1/20/100 sessions, one and many messages per connection, most telling first. What the chart shows. */
export const mainCells: readonly Cell[] = [20, 100, 1].flatMap((sessions) =>
  flows.flatMap((flow) => [cell(flow, 10, sessions, "one"), cell(flow, 10, sessions, "many")]),
);

/** 1 KB and 100 KB, one message per connection. */
export function sideCells(sessions: readonly number[]): readonly Cell[] {
  return flows.flatMap((flow) =>
    [1, 100].flatMap((sizeKb) => sessions.map((count) => cell(flow, sizeKb, count, "one"))),
  );
}

/** The few that tell most, for a look between two edits. */
export const quickCells: readonly Cell[] = [
  cell("maildir", 10, 20, "one"),
  cell("maildir", 10, 20, "many"),
  cell("sink", 10, 20, "one"),
];

/** Cells in which slow peers take part too, most telling first. */
export const otherCells: readonly Cell[] = [
  cell("maildir", 10, 20, "many"),
  cell("sink", 10, 20, "many"),
  cell("maildir", 10, 20, "one"),
  cell("maildir", 10, 1, "one"),
  cell("sink", 10, 20, "one"),
  cell("sink", 10, 1, "one"),
];

/** The order of tables: by flow, size (10 KB first, where the targets are), sessions. */
export function inTableOrder(a: Cell, b: Cell): number {
  const rank = ({ flow, sizeKb, sessions, perConnection }: Cell): number =>
    (flow === "sink" ? 1e6 : 0) +
    (sizeKb === 10 ? 0 : sizeKb * 1e3) +
    sessions * 2 +
    (perConnection === "many" ? 1 : 0);
  return rank(a) - rank(b);
}

/** `maildir-10k-20x-one`: what `--case` looks for. */
export function cellName(cell: Cell): string {
  return `${cell.flow}-${cell.sizeKb}k-${cell.sessions}x-${cell.perConnection}`;
}
