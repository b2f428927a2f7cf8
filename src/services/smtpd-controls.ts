import { ControlError, readNumber, readSetting, readText } from "#control";
import { type Networks, parseTcpRules, type TcpRules } from "#net";
import { loadSmtpControls, readNetworks, type SmtpControls, smtpControlFiles } from "#smtp";

/** All control files the smtpd service reads. */
export const smtpdControlFiles: readonly string[] = [
  ...smtpControlFiles,
  "concurrencyincoming",
  "concurrencyperhost",
  "popbeforesmtp",
  "proxyfrom",
  "tcp.smtp",
];

/** The control files as the service uses them. */
export type SmtpdControls = {
  readonly smtp: SmtpControls;
  /** control/tcp.smtp; without the file everyone may connect and nobody is special. */
  readonly rules: TcpRules;
  /** Who must begin with a PROXY header; null: nobody. */
  readonly proxyFrom: Networks | null;
  /** control/popbeforesmtp: minutes for which who has read mail may relay; 0: nobody may for that. */
  readonly popMinutes: number;
  /** control/concurrencyincoming: sessions at once. */
  readonly sessions: number;
  /** control/concurrencyperhost: of these from one host. */
  readonly sessionsPerHost: number;
};

/** qmail had 20 or 40, a process each; a session costs us some 10 KB. */
const defaultSessions = 1000;
const defaultSessionsPerHost = 50;

/**
 * Reads them all. Throws ControlError if one is unreadable or wrong; but a malformed tcp.smtp only when there are no rules yet:
 * later it is reported to `alert` and `lastRules` stay in force.
 */
export function loadSmtpdControls(
  home: string,
  lastRules: TcpRules | null,
  alert: (problem: string) => void,
): SmtpdControls {
  return {
    smtp: loadSmtpControls(home),
    rules: loadRules(home, lastRules, alert),
    proxyFrom: readNetworks(home, "proxyfrom"),
    popMinutes: readSetting(home, "popbeforesmtp"),
    sessions: readNumber(home, "concurrencyincoming") ?? defaultSessions,
    sessionsPerHost: readNumber(home, "concurrencyperhost") ?? defaultSessionsPerHost,
  };
}

function loadRules(home: string, lastRules: TcpRules | null, alert: (problem: string) => void): TcpRules {
  const rules = parseTcpRules(readText(home, "tcp.smtp") ?? "");
  if ("find" in rules) return rules;
  const problem = `control/tcp.smtp line ${rules.line}: unable to parse "${rules.text}"`;
  if (lastRules === null) throw new ControlError(problem);
  alert(`${problem}; the rules that were stay in force`);
  return lastRules;
}
