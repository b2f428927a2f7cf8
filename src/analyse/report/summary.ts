import { type ByteString, displayText } from "#bytes";
import { type ReasonClass, reasonClassNames } from "../reason-class.ts";
import { type Latencies, latencyEdges } from "./latencies.ts";
import type { LogReport } from "./log-report.ts";
import { type DeliverySums, mailColumns } from "./mail-facts.ts";
import { smtpColumns } from "./session-facts.ts";
import type { TimeSeries } from "./time-series.ts";
import type { TopTable } from "./top-table.ts";

/** Digits behind the dot that a sum of stamps is worth. */
const round = (value: number, digits = 3): number => Number(value.toFixed(digits));

type Counted = { readonly name: string; readonly count: number };

const counted = (table: TopTable<{ count: number }>, top: number): readonly Counted[] =>
  table.top(top).map(([name, { count }]) => ({ name: displayText(name), count }));

const byClass = (classes: ReadonlyMap<ReasonClass, number>) =>
  [...classes]
    .map(([name, count]) => ({ class: name, name: reasonClassNames.get(name) ?? name, count }))
    .sort((a, b) => b.count - a.count || (a.class < b.class ? -1 : 1));

/** A row of a table of hosts, senders or recipients. */
export type DeliveryRow = { readonly name: string } & DeliverySums;

const deliveryRow = ([name, { success, deferral, failure, bytes, xdelay }]: readonly [ByteString, DeliverySums]) =>
  ({ name: displayText(name), success, deferral, failure, bytes, xdelay: round(xdelay) }) satisfies DeliveryRow;

const deliveryRows = (table: TopTable<DeliverySums>, top: number) => table.top(top).map(deliveryRow);

const seriesOf = (series: TimeSeries, columns: readonly string[]) => ({
  cellSeconds: series.widthSeconds,
  cells: series.rows().map(({ from, sums }) => ({
    at: from,
    ...Object.fromEntries(columns.map((name, at) => [name, round(sums[at] ?? 0)])),
  })) as readonly Readonly<Record<string, number>>[],
});

const histogramOf = (latencies: Latencies) =>
  [...latencies.coarse].map((count, at) => ({ upTo: latencyEdges[at] ?? null, count }));

function mailSummary({ mail }: LogReport, spanSeconds: number, top: number) {
  const delivered = mail.success + mail.deferral + mail.failure;
  return {
    messages: {
      new: mail.newMessages,
      finished: mail.finishedMessages,
      bytes: mail.finishedBytes,
      unfinished: mail.unfinishedMessages,
      bounces: mail.bounces,
      tripleBounces: mail.tripleBounces,
      delayNotices: mail.delayNotices,
    },
    deliveries: {
      attempts: delivered,
      success: mail.success,
      deferral: mail.deferral,
      failure: mail.failure,
      mostAtOnce: mail.mostAtOnce,
      averageAtOnce: spanSeconds > 0 ? round(mail.attemptSeconds / spanSeconds) : 0,
    },
    queueStarts: mail.queueStarts,
    channels: [...mail.channels].map(deliveryRow),
    remote: { ...mail.families, tls: Object.fromEntries([...mail.tls].sort()) },
    /** Seconds. */
    queueTime: mail.queueTime.facts(),
    delay: mail.delay.facts(),
    attempt: mail.attempt.facts(),
    delays: histogramOf(mail.delay),
    overTime: seriesOf(mail.overTime, mailColumns),
    deferralClasses: byClass(mail.deferralClasses),
    failureClasses: byClass(mail.failureClasses),
    deferrals: counted(mail.deferrals, top),
    failures: counted(mail.failures, top),
    hosts: deliveryRows(mail.hosts, top),
    senders: deliveryRows(mail.senders, top),
    recipients: deliveryRows(mail.recipients, top),
    /** Names that were forgotten because there were too many: sums of the others may be a little low. */
    forgottenNames: mail.hosts.forgotten + mail.senders.forgotten + mail.recipients.forgotten,
  };
}

function smtpSummary({ smtp }: LogReport, top: number) {
  return {
    sessions: smtp.sessions,
    accepted: smtp.accepted,
    acceptedBytes: smtp.acceptedBytes,
    acceptedRecipients: smtp.acceptedRecipients,
    rejected: smtp.rejected,
    refused: smtp.refused,
    length: smtp.length.facts(),
    overTime: seriesOf(smtp.overTime, smtpColumns),
    rejectReasons: counted(smtp.rejectReasons, top),
    refuseReasons: counted(smtp.refuseReasons, top),
    ends: counted(smtp.ends, top),
    clients: smtp.clients.top(top).map(([name, sums]) => ({ name: displayText(name), ...sums })),
  };
}

function pop3Summary({ pop3 }: LogReport, top: number) {
  return {
    logins: pop3.logins,
    loginsRefused: pop3.loginsRefused,
    refused: pop3.refused,
    sessions: pop3.sessions,
    bytesOut: pop3.bytesOut,
    retrieved: pop3.retrieved,
    deleted: pop3.deleted,
    loginReasons: counted(pop3.loginReasons, top),
    refuseReasons: counted(pop3.refuseReasons, top),
    users: counted(pop3.users, top),
    refusedClients: counted(pop3.refusedClients, top),
  };
}

/** What was read: how many files (standard input is one) and bytes. */
export type Source = { readonly files: number; readonly bytes: number };

/**
 * A report as plain data: what `--json` prints, and what the terminal and the page are drawn from. Times are seconds since 1970, spans
 * seconds; names are text (UTF-8 decoded), not yet safe for a terminal or a page.
 */
export function summarize(report: LogReport, source: Source, top: number) {
  const isEmpty = report.last < report.first;
  const seconds = isEmpty ? 0 : round(report.last - report.first);
  return {
    source: {
      ...source,
      lines: report.lines,
      otherLines: report.otherLines,
      unstampedLines: report.unstampedLines,
      forgottenEntries: report.forgottenEntries,
    },
    span: isEmpty ? null : { from: round(report.first), to: round(report.last), seconds },
    mail: mailSummary(report, seconds, top),
    smtp: smtpSummary(report, top),
    pop3: pop3Summary(report, top),
    troubles: report.troubles.top(top).map(([, { count, last, text }]) => ({
      text: displayText(text),
      count,
      last: round(last),
    })),
  };
}

export type Summary = ReturnType<typeof summarize>;
