import { shownSpan, shownTime } from "#log";
import type { DeliveryRow, Summary } from "../report/summary.ts";
import { type BarRow, type Ink, lineOverTime, lyingBars, type Series, stackedBars } from "./charts.ts";
import { html, type Markup, raw } from "./markup.ts";
import { pageStyle } from "./page-style.ts";
import { countText, edgeText, shareText, sizeText, spanText } from "./words.ts";

/** Nothing is loaded and nothing runs, whatever gets into the page. */
const policy = "default-src 'none'; style-src 'unsafe-inline'";

const timeText = (seconds: number): string => shownTime(new Date(seconds * 1000));

type Cell = string | number;

function table(heads: readonly string[], rows: readonly (readonly Cell[])[]): Markup {
  const head = heads.map((name) => html`<th scope="col">${name}</th>`);
  const body = rows.map((row) => {
    const cells = row.map((cell) => html`<td>${typeof cell === "number" ? countText(cell) : cell}</td>`);
    return html`<tr>${cells}</tr>`;
  });
  return html`<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** A long table, folded away. */
const folded = (heads: readonly string[], rows: readonly (readonly Cell[])[]): Markup =>
  html`<details><summary>${rows.length} rows as a table</summary>${table(heads, rows)}</details>`;

const section = (title: string, ...parts: readonly Markup[]): Markup =>
  html`<section><h2>${title}</h2>${parts}</section>`;

const legend = (series: readonly { readonly name: string; readonly ink: Ink }[]): Markup =>
  html`<p class="soft">${series.map(({ name, ink }) => html`<span class="key ${ink}"></span>${name}`)}</p>`;

const facts = (rows: readonly (readonly [name: string, value: string])[]): Markup =>
  html`<dl>${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;

type Cells = Summary["mail"]["overTime"] | Summary["smtp"]["overTime"];

/** Chart and table of some columns of a series over time; nothing if there is none. */
function overTime(
  title: string,
  { cells, cellSeconds }: Cells,
  inks: readonly (readonly [string, Ink])[],
): readonly Markup[] {
  if (cells.length === 0) return [];
  const series: readonly Series[] = inks.map(([name, ink]) => ({
    name,
    ink,
    values: cells.map((cell) => cell[name] ?? 0),
  }));
  const times = cells.map(({ at = 0 }) => at);
  const rows = cells.map((cell) => [timeText(cell.at ?? 0), ...inks.map(([name]) => cell[name] ?? 0)]);
  const chart = stackedBars({ title, times, cellSeconds, series });
  const per = html`<p class="soft">each bar is ${shownSpan(cellSeconds * 1000)}</p>`;
  return [section(title, legend(series), chart, per, folded(["from", ...inks.map(([name]) => name)], rows))];
}

function delayOverTime({ overTime: { cells, cellSeconds } }: Summary["mail"]): readonly Markup[] {
  if (cells.length === 0) return [];
  const mean = cells.map(({ delay = 0, success = 0 }) => (success === 0 ? Number.NaN : delay / success));
  const times = cells.map(({ at = 0 }) => at);
  const title = "Mean delay until delivered, seconds";
  const chart = lineOverTime({
    title,
    times,
    cellSeconds,
    series: [{ name: "mean delay", ink: "calm", values: mean }],
  });
  const rows = mean.map((value, at) => [timeText(times[at]!), Number.isNaN(value) ? "-" : spanText(value)]);
  return [section(title, chart, folded(["from", "mean delay"], rows))];
}

function latency(mail: Summary["mail"]): readonly Markup[] {
  if (mail.delay.count === 0) return [];
  const bars: readonly BarRow[] = mail.delays.map(({ upTo, count }) => ({
    name: edgeText(upTo),
    parts: [["calm", count]],
  }));
  const row = (name: string, { count, mean, p50, p90, p95, p99, max }: Summary["mail"]["delay"]): readonly Cell[] => [
    name,
    count,
    ...[mean, p50, p90, p95, p99, max].map(spanText),
  ];
  const percentiles = table(
    ["", "count", "mean", "50%", "90%", "95%", "99%", "longest"],
    [row("until delivered", mail.delay), row("message in the queue", mail.queueTime), row("one attempt", mail.attempt)],
  );
  const title = "How long it took until a recipient had the message";
  const rows = mail.delays.map(({ upTo, count }) => [edgeText(upTo), count, shareText(count, mail.delay.count)]);
  return [section(title, lyingBars(title, bars), table(["", "deliveries", "share"], rows), percentiles)];
}

type Counted = readonly { readonly name: string; readonly count: number }[];

/** Bars and a table of counts; nothing if there are none. */
function counts(title: string, rows: Counted, ink: Ink, details: Counted = []): readonly Markup[] {
  if (rows.length === 0) return [];
  const all = rows.reduce((sum, { count }) => sum + count, 0);
  const shares = rows.map(({ name, count }) => [name, count, shareText(count, all)]);
  const more =
    details.length === 0
      ? []
      : [
          table(
            ["in the words of the log", "count"],
            details.map(({ name, count }) => [name, count]),
          ),
        ];
  const chart = lyingBars(
    title,
    rows.map(({ name, count }) => ({ name, parts: [[ink, count]] })),
  );
  return [section(title, chart, table(["", "count", "share"], shares), ...more)];
}

function deliveries(title: string, rows: readonly DeliveryRow[]): readonly Markup[] {
  if (rows.length === 0) return [];
  const named = rows.map((row) => ({ ...row, name: row.name || "<>" }));
  const bars: readonly BarRow[] = named.map(({ name, success, deferral, failure }) => ({
    name,
    parts: [
      ["good", success],
      ["late", deferral],
      ["bad", failure],
    ],
  }));
  const cells = named.map(({ name, success, deferral, failure, bytes, xdelay }) => [
    name,
    success,
    deferral,
    failure,
    sizeText(bytes),
    spanText(xdelay / Math.max(1, success + deferral + failure)),
  ]);
  const heads = ["", "success", "deferral", "failure", "bytes", "mean attempt"];
  return [section(title, lyingBars(title, bars), table(heads, cells))];
}

function mailSections({ mail }: Summary): readonly Markup[] {
  const { messages, deliveries: attempts } = mail;
  if (messages.new + messages.finished + attempts.attempts === 0) return [];
  const { ipv4, ipv6, tls } = mail.remote;
  const overview = facts([
    ["messages in", countText(messages.new)],
    ["messages done", countText(messages.finished)],
    ["their size", sizeText(messages.bytes)],
    ["bounces", countText(messages.bounces)],
    ["attempts", countText(attempts.attempts)],
    ["success", `${countText(attempts.success)} (${shareText(attempts.success, attempts.attempts)})`],
    ["deferral", `${countText(attempts.deferral)} (${shareText(attempts.deferral, attempts.attempts)})`],
    ["failure", `${countText(attempts.failure)} (${shareText(attempts.failure, attempts.attempts)})`],
    ["at once, mean", String(attempts.averageAtOnce)],
    ["at once, most", countText(attempts.mostAtOnce)],
    ["over IPv4 / IPv6", `${countText(ipv4)} / ${countText(ipv6)}`],
    ...Object.entries(tls).map(([version, count]) => [`TLS ${version}`, countText(count)] as const),
  ]);
  return [
    section("Mail", overview),
    ...overTime("Deliveries over time", mail.overTime, [
      ["success", "good"],
      ["deferral", "late"],
      ["failure", "bad"],
    ]),
    ...delayOverTime(mail),
    ...latency(mail),
    ...counts("Deferrals by reason", mail.deferralClasses, "late", mail.deferrals),
    ...counts("Failures by reason", mail.failureClasses, "bad", mail.failures),
    ...deliveries("Top hosts", mail.hosts),
    ...deliveries("Top senders", mail.senders),
    ...deliveries("Top recipients", mail.recipients),
  ];
}

function smtpSections({ smtp }: Summary): readonly Markup[] {
  if (smtp.sessions + smtp.accepted + smtp.rejected + smtp.refused === 0) return [];
  const overview = facts([
    ["sessions", countText(smtp.sessions)],
    ["messages accepted", countText(smtp.accepted)],
    ["their size", sizeText(smtp.acceptedBytes)],
    ["rejected", countText(smtp.rejected)],
    ["turned away", countText(smtp.refused)],
    ["half of the sessions within", spanText(smtp.length.p50)],
  ]);
  const clients = smtp.clients.map(({ name, sessions, accepted, rejected, refused }) => [
    name,
    sessions,
    accepted,
    rejected,
    refused,
  ]);
  const bars: readonly BarRow[] = smtp.clients.map(({ name, accepted, rejected, refused }) => ({
    name,
    parts: [
      ["good", accepted],
      ["bad", rejected + refused],
    ],
  }));
  return [
    section("SMTP server", overview),
    ...overTime("SMTP over time", smtp.overTime, [
      ["accepted", "good"],
      ["rejected", "bad"],
    ]),
    ...counts("SMTP: rejected because of", smtp.rejectReasons, "bad"),
    ...counts("SMTP: turned away because of", smtp.refuseReasons, "bad"),
    ...counts("SMTP: how sessions ended", smtp.ends, "calm"),
    section(
      "SMTP: top clients",
      lyingBars("SMTP: top clients", bars),
      table(["", "sessions", "accepted", "rejected", "turned away"], clients),
    ),
  ];
}

function pop3Sections({ pop3 }: Summary): readonly Markup[] {
  if (pop3.logins + pop3.loginsRefused + pop3.sessions + pop3.refused === 0) return [];
  return [
    section(
      "POP3 server",
      facts([
        ["logins", countText(pop3.logins)],
        ["logins refused", countText(pop3.loginsRefused)],
        ["sessions", countText(pop3.sessions)],
        ["sent", sizeText(pop3.bytesOut)],
        ["messages read", countText(pop3.retrieved)],
        ["messages deleted", countText(pop3.deleted)],
        ["turned away", countText(pop3.refused)],
      ]),
    ),
    ...counts("POP3: logins refused because of", pop3.loginReasons, "bad"),
    ...counts("POP3: turned away because of", pop3.refuseReasons, "bad"),
    ...counts("POP3: top users", pop3.users, "calm"),
    ...counts("POP3: clients with refused logins", pop3.refusedClients, "bad"),
  ];
}

function troubleSection({ troubles }: Summary): readonly Markup[] {
  if (troubles.length === 0) return [];
  const rows = troubles.map(({ text, count, last }) => [text, count, timeText(last)]);
  return [section("Warnings and troubles", table(["the last of its kind", "count", "last"], rows))];
}

/** A report as one page that needs nothing else: no script, no picture from elsewhere. */
export function drawPage(summary: Summary): string {
  const { source, span } = summary;
  const when = span === null ? "no line in that time" : `${timeText(span.from)} to ${timeText(span.to)}`;
  const read = `${countText(source.lines)} lines, ${sizeText(source.bytes)} in ${source.files} ${source.files === 1 ? "file" : "files"}`;
  const sections = [
    ...mailSections(summary),
    ...smtpSections(summary),
    ...pop3Sections(summary),
    ...troubleSection(summary),
  ];
  return `<!DOCTYPE html>
${
  html`<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="Content-Security-Policy" content="${raw(policy)}"><title>Mail report, ${when}</title><style>${raw(pageStyle)}</style></head>
<body><h1>Mail report</h1><p>${when}${span === null ? "" : ` (${shownSpan(span.seconds * 1000)})`}</p><p class="soft">${read}</p>
${sections}
</body></html>`.markup
}
`;
}
