/** What one smtpd process counts for the metrics; each number is since the last `take`. */
export type Tally = {
  count(name: TallyName, by?: number): void;
  /** Names with their numbers since the last time, prefixed by the role; null if nothing happened. Starts again at 0. */
  take(): Readonly<Record<string, number>> | null;
};

type TallyName =
  | "sessions"
  | "tls_sessions"
  | "tls_failures"
  | "connections_refused"
  | "messages_accepted"
  | "message_bytes_accepted"
  | "rejections";

/** A tally for a role: `smtp_sessions_total`, `submission_messages_accepted_total`, ... */
export function newTally(role: "smtp" | "submission"): Tally {
  let counts = new Map<TallyName, number>();
  return {
    count(name, by = 1) {
      if (by > 0) counts.set(name, (counts.get(name) ?? 0) + by);
    },
    take() {
      if (counts.size === 0) return null;
      const told = Object.fromEntries([...counts].map(([name, count]) => [`${role}_${name}_total`, count]));
      counts = new Map();
      return told;
    },
  };
}
