import { shownSpan, shownTime } from "#log";
import type { DeliveryRow, Summary } from "../report/summary.ts";
import { bar, grouped, sparkline } from "./blocks.ts";
import { countText, edgeText, shareText, sizeText, spanText } from "./words.ts";

/** How a report is drawn. Colours are for terminals only. */
export type Drawing = { readonly width: number; readonly colours: boolean };

type Colour = "bold" | "dim" | "green" | "yellow" | "red" | "blue";
const codes: Readonly<Record<Colour, string>> = {
  bold: "1",
  dim: "2",
  green: "32",
  yellow: "33",
  red: "31",
  blue: "34",
};

const minWidth = 72;
const maxWidth = 110;
const labelCells = 30;
const minLabelCells = 12;
const nameCells = 60;

/** What others wrote, as one cell a character, cut to a width: nothing in it moves a cursor, and columns stay below each other. */
function cut(text: string, cells: number): string {
  const plain = text.replace(/[^\x20-\x7e]/gu, "_");
  return plain.length > cells ? `${plain.slice(0, cells - 1)}…` : plain;
}

const padded = (text: string, cells: number): string => cut(text, cells).padEnd(cells);

type Facts = Summary["mail"]["delay"];

/** A section: its title, and its lines. */
type Section = { readonly title: string; readonly lines: readonly string[] };

/** Draws one summary. */
class Pen {
  readonly #width: number;
  readonly #colours: boolean;

  constructor({ width, colours }: Drawing) {
    this.#width = Math.min(maxWidth, Math.max(minWidth, width));
    this.#colours = colours;
  }

  paint(colour: Colour, text: string): string {
    return this.#colours ? `\x1b[${codes[colour]}m${text}\x1b[0m` : text;
  }

  get width(): number {
    return this.#width;
  }

  /** Label, bar, count, share: the columns of a chart of bars. */
  bars(rows: readonly { readonly name: string; readonly count: number }[], colour: Colour): readonly string[] {
    const max = Math.max(0, ...rows.map(({ count }) => count));
    const all = rows.reduce((sum, { count }) => sum + count, 0);
    const numbers = Math.max(1, ...rows.map(({ count }) => countText(count).length));
    const label = Math.min(labelCells, Math.max(1, ...rows.map(({ name }) => name.length)));
    const cells = this.#width - 2 - label - 2 - 2 - numbers - 8;
    return rows.map(({ name, count }) => {
      const drawn = this.paint(colour, bar(count, max, cells));
      return `  ${padded(name, label)}  ${drawn}  ${countText(count).padStart(numbers)}  ${shareText(count, all).padStart(6)}`;
    });
  }

  /** Texts with their counts in front. */
  counted(rows: readonly { readonly name: string; readonly count: number }[]): readonly string[] {
    const numbers = Math.max(1, ...rows.map(({ count }) => countText(count).length));
    return rows.map(
      ({ name, count }) => `  ${countText(count).padStart(numbers)}  ${cut(name, this.#width - numbers - 4)}`,
    );
  }

  /** Lines of a series that share a scale of time, each with its own height. */
  sparks(
    series: Summary["mail"]["overTime"] | Summary["smtp"]["overTime"],
    wanted: readonly (readonly [column: string, colour: Colour])[],
  ): readonly string[] {
    const { cells, cellSeconds } = series;
    if (cells.length < 2) return [];
    const label = Math.max(...wanted.map(([name]) => name.length));
    const room = this.#width - 2 - label - 2 - 14;
    const lines = wanted.map(([name, colour]) => {
      const values = grouped(
        cells.map((cell) => cell[name] ?? 0),
        room,
      );
      const max = Math.max(...values);
      const line = this.paint(colour, sparkline(values, max));
      return `  ${name.padEnd(label)}  ${line}  ${countText(max)} max`;
    });
    const perCell = Math.ceil(cells.length / room) * cellSeconds;
    const from = shownTime(new Date((cells[0]?.at ?? 0) * 1000));
    return [
      ...lines,
      `  ${"".padEnd(label)}  ${this.paint("dim", `from ${from}, a column is ${shownSpan(perCell * 1000)}`)}`,
    ];
  }

  /** A table: names cut to what room is left, numbers to the right. */
  table(heads: readonly string[], rows: readonly (readonly string[])[], nameCells: number): readonly string[] {
    if (rows.length === 0) return [];
    const cells = [["", ...heads], ...rows];
    const widths = heads.map((_, at) => Math.max(...cells.map((row) => row[at + 1]!.length)));
    const room = this.#width - 2 - widths.reduce((sum, width) => sum + width + 2, 0);
    return cells.map(([name = "", ...numbers], at) => {
      const label = padded(name, Math.max(minLabelCells, Math.min(nameCells, room)));
      const text = `  ${label}${numbers.map((cell, n) => `  ${cell.padStart(widths[n]!)}`).join("")}`;
      return at === 0 ? this.paint("dim", text) : text;
    });
  }

  /** A table of hosts, senders or recipients. */
  deliveries(rows: readonly DeliveryRow[]): readonly string[] {
    const heads = ["success", "deferral", "failure", "bytes", "mean"];
    const cells = rows.map(({ name, success, deferral, failure, bytes, xdelay }) => [
      name || "<>",
      countText(success),
      countText(deferral),
      countText(failure),
      sizeText(bytes),
      spanText(xdelay / Math.max(1, success + deferral + failure)),
    ]);
    return this.table(heads, cells, nameCells);
  }

  /** A table of delays. */
  latencies(rows: readonly (readonly [name: string, facts: Facts])[]): readonly string[] {
    const cells = rows.map(([name, { mean, p50, p90, p95, p99, max }]) => [
      name,
      ...[mean, p50, p90, p95, p99, max].map(spanText),
    ]);
    return this.table(["mean", "half", "90%", "95%", "99%", "longest"], cells, 16);
  }
}

/** Rows of a histogram from the first that is not empty to the last. */
function filled<T extends { readonly count: number }>(rows: readonly T[]): readonly T[] {
  const isFilled = ({ count }: T): boolean => count > 0;
  return rows.slice(Math.max(0, rows.findIndex(isFilled)), rows.findLastIndex(isFilled) + 1);
}

function overall(pen: Pen, { mail }: Summary): readonly string[] {
  const { messages, deliveries } = mail;
  const part = (name: string, colour: Colour, count: number): string =>
    `${pen.paint(colour, name)} ${countText(count)} (${shareText(count, deliveries.attempts)})`;
  const also = [
    [messages.bounces, "bounces"],
    [messages.tripleBounces, "triple bounces"],
    [messages.delayNotices, "delay notices"],
    [messages.unfinished, "unfinished"],
  ] as const;
  const others = also.filter(([count]) => count > 0).map(([count, name]) => `, ${name} ${countText(count)}`);
  return [
    `  messages    in ${countText(messages.new)}, done ${countText(messages.finished)} (${sizeText(messages.bytes)})${others.join("")}`,
    `  deliveries  ${part("success", "green", deliveries.success)}  ${part("deferral", "yellow", deliveries.deferral)}  ${part("failure", "red", deliveries.failure)}`,
    `  at once     ${deliveries.averageAtOnce} on average, ${countText(deliveries.mostAtOnce)} at most`,
    ...mail.channels
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(
        ({ name, success, deferral, failure }) =>
          `  ${padded(name, 10)}  delivered ${countText(success)} in ${countText(success + deferral + failure)} attempts`,
      ),
    ...remoteLine(mail.remote),
  ];
}

function remoteLine({ ipv4, ipv6, tls }: Summary["mail"]["remote"]): readonly string[] {
  if (ipv6 === 0 && Object.keys(tls).length === 0) return [];
  const versions = Object.entries(tls).map(([version, count]) => `, TLS ${version} ${countText(count)}`);
  return [`  over        IPv4 ${countText(ipv4)}, IPv6 ${countText(ipv6)}${versions.join("")}`];
}

function mailSections(pen: Pen, summary: Summary): readonly Section[] {
  const { mail } = summary;
  if (mail.messages.new + mail.messages.finished + mail.deliveries.attempts === 0) return [];
  const histogram = mail.delays.map(({ upTo, count }) => ({ name: edgeText(upTo), count }));
  return [
    { title: "Mail", lines: overall(pen, summary) },
    {
      title: "Over time",
      lines: pen.sparks(mail.overTime, [
        ["messages", "blue"],
        ["success", "green"],
        ["deferral", "yellow"],
        ["failure", "red"],
      ]),
    },
    {
      title: "How long it took",
      lines: [
        ...pen.latencies([
          ["until delivered", mail.delay],
          ["in the queue", mail.queueTime],
          ["one attempt", mail.attempt],
        ]),
        ...(mail.delay.count === 0 ? [] : ["", ...pen.bars(filled(histogram), "blue")]),
      ],
    },
    { title: "Deferrals by kind", lines: pen.bars(mail.deferralClasses, "yellow") },
    { title: "Failures by kind", lines: pen.bars(mail.failureClasses, "red") },
    { title: "Most frequent deferrals", lines: pen.counted(mail.deferrals) },
    { title: "Most frequent failures", lines: pen.counted(mail.failures) },
    { title: "Top hosts", lines: pen.deliveries(mail.hosts) },
    { title: "Top senders", lines: pen.deliveries(mail.senders) },
    { title: "Top recipients", lines: pen.deliveries(mail.recipients) },
  ];
}

function smtpSections(pen: Pen, { smtp }: Summary): readonly Section[] {
  if (smtp.sessions + smtp.accepted + smtp.rejected + smtp.refused === 0) return [];
  const clients = smtp.clients.map(({ name, ...sums }) => [
    name,
    ...[sums.sessions, sums.accepted, sums.rejected, sums.refused].map(countText),
  ]);
  return [
    {
      title: "SMTP server",
      lines: [
        `  sessions    ${countText(smtp.sessions)}, connections turned away ${countText(smtp.refused)}`,
        `  accepted    messages ${countText(smtp.accepted)} (${sizeText(smtp.acceptedBytes)}), recipients ${countText(smtp.acceptedRecipients)}`,
        `  rejected    commands and messages ${countText(smtp.rejected)}`,
        ...pen.latencies([["a session", smtp.length]]),
        ...pen.sparks(smtp.overTime, [
          ["sessions", "blue"],
          ["accepted", "green"],
          ["rejected", "red"],
        ]),
      ],
    },
    { title: "SMTP: rejected because of", lines: pen.bars(smtp.rejectReasons, "red") },
    { title: "SMTP: turned away because of", lines: pen.bars(smtp.refuseReasons, "red") },
    { title: "SMTP: how sessions ended", lines: pen.bars(smtp.ends, "blue") },
    {
      title: "SMTP: top clients",
      lines: pen.table(["sessions", "accepted", "rejected", "turned away"], clients, nameCells),
    },
  ];
}

function pop3Sections(pen: Pen, { pop3 }: Summary): readonly Section[] {
  if (pop3.logins + pop3.loginsRefused + pop3.sessions + pop3.refused === 0) return [];
  return [
    {
      title: "POP3 server",
      lines: [
        `  logins      ${countText(pop3.logins)}, refused ${countText(pop3.loginsRefused)}`,
        `  sessions    ${countText(pop3.sessions)} (${sizeText(pop3.bytesOut)} sent), connections turned away ${countText(pop3.refused)}`,
        `  messages    read ${countText(pop3.retrieved)}, deleted ${countText(pop3.deleted)}`,
      ],
    },
    { title: "POP3: logins refused because of", lines: pen.bars(pop3.loginReasons, "red") },
    { title: "POP3: turned away because of", lines: pen.bars(pop3.refuseReasons, "red") },
    { title: "POP3: top users", lines: pen.bars(pop3.users, "blue") },
    { title: "POP3: clients with refused logins", lines: pen.bars(pop3.refusedClients, "red") },
  ];
}

/** A report for people at a terminal: lines no wider than it. */
export function drawTerminal(summary: Summary, drawing: Drawing): string {
  const pen = new Pen(drawing);
  const { source, span, troubles } = summary;
  const read = `${countText(source.lines)} lines, ${sizeText(source.bytes)} in ${source.files} ${source.files === 1 ? "file" : "files"}`;
  const when =
    span === null
      ? "no line in that time"
      : `${shownTime(new Date(span.from * 1000))} to ${shownTime(new Date(span.to * 1000))} (${shownSpan(span.seconds * 1000)})`;
  const sections: readonly Section[] = [
    ...mailSections(pen, summary),
    ...smtpSections(pen, summary),
    ...pop3Sections(pen, summary),
    {
      title: "Warnings and troubles",
      lines: troubles.map(({ text, count, last }) => {
        const head = `  ${countText(count)}x  last ${shownTime(new Date(last * 1000))}  `;
        return head + cut(text, Math.max(20, pen.width - head.length));
      }),
    },
  ];
  const drawn = sections
    .filter(({ lines }) => lines.length > 0)
    .map(({ title, lines }) => `\n${pen.paint("bold", title)}\n${lines.map((line) => `${line.trimEnd()}\n`).join("")}`);
  return `${pen.paint("bold", when)}\n${read}\n${drawn.join("")}${notes(summary)}`;
}

/** What a reader of the numbers should know. */
function notes({ source, mail }: Summary): string {
  const told = [
    source.unstampedLines > 0 && `lines without a stamp, passed over: ${countText(source.unstampedLines)}`,
    source.forgottenEntries > 0 &&
      `${countText(source.forgottenEntries)} unfinished messages and deliveries were too many to keep; their deliveries count without a sender`,
    mail.forgottenNames > 0 &&
      `${countText(mail.forgottenNames)} rare names were too many to keep; the numbers of single hosts, senders and recipients may be a little low`,
  ].filter((note) => note !== false);
  return told.length === 0 ? "" : `\n${told.map((note) => `note: ${note}\n`).join("")}`;
}
