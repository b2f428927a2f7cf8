import type { ByteString } from "#bytes";
import type { Fields } from "../fields.ts";
import { Latencies } from "./latencies.ts";
import { TimeSeries } from "./time-series.ts";
import { TopTable } from "./top-table.ts";

const maxNames = 20_000;
/** Reasons and ends are words of our own services; a foreign log may have anything there. */
const maxWords = 200;

const noCount = () => ({ count: 0 });
const countOf = ({ count }: { readonly count: number }): number => count;

const numberOf = (text: ByteString | null): number => {
  const value = Number(text ?? 0);
  return Number.isFinite(value) ? value : 0;
};

/** What a client's address comes to. */
export type ClientSums = { sessions: number; accepted: number; rejected: number; refused: number };

export const smtpColumns = ["accepted", "rejected", "sessions", "refused"] as const;

/** What the SMTP server's log tells (`smtpd accept`, `reject`, `session`, `refuse`: smtp/server/session-log.ts). */
export class SmtpFacts {
  sessions = 0;
  accepted = 0;
  acceptedBytes = 0;
  acceptedRecipients = 0;
  rejected = 0;
  refused = 0;
  readonly length = new Latencies();
  readonly overTime = new TimeSeries(smtpColumns.length);
  readonly rejectReasons = new TopTable(noCount, countOf, maxWords);
  readonly refuseReasons = new TopTable(noCount, countOf, maxWords);
  readonly ends = new TopTable(noCount, countOf, maxWords);
  readonly clients = new TopTable<ClientSums>(
    () => ({ sessions: 0, accepted: 0, rejected: 0, refused: 0 }),
    ({ sessions, accepted, rejected, refused }) => sessions + accepted + rejected + refused,
    maxNames,
  );

  /** Takes a line whose first word is `smtpd`; false if it says nothing to count. */
  take(fields: Fields, seconds: number): boolean {
    const cell = (column: (typeof smtpColumns)[number]) => {
      this.overTime.at(seconds)[smtpColumns.indexOf(column)]!++;
    };
    switch (fields.text(1)) {
      case "accept":
        this.accepted++;
        this.acceptedBytes += numberOf(fields.value("bytes", 2));
        this.acceptedRecipients += numberOf(fields.value("recipients", 2));
        this.clients.of(fields.value("ip", 2) ?? "?").accepted++;
        cell("accepted");
        return true;
      case "reject":
        this.rejected++;
        this.rejectReasons.of(fields.value("reason", 2) ?? "?").count++;
        this.clients.of(fields.value("ip", 2) ?? "?").rejected++;
        cell("rejected");
        return true;
      case "session":
        this.sessions++;
        this.length.take(numberOf(fields.value("seconds", 2)));
        this.ends.of(fields.value("end", 2) ?? "?").count++;
        this.clients.of(fields.value("ip", 2) ?? "?").sessions++;
        cell("sessions");
        return true;
      case "refuse":
        this.refused++;
        this.refuseReasons.of(fields.value("reason", 2) ?? "?").count++;
        this.clients.of(fields.value("ip", 2) ?? "?").refused++;
        cell("refused");
        return true;
      default:
        return false;
    }
  }
}

/** What the POP3 services' logs tell (`pop3d login`, `session end`, `refuse`; `pop3 session end` of the workers). */
export class Pop3Facts {
  logins = 0;
  loginsRefused = 0;
  refused = 0;
  sessions = 0;
  bytesOut = 0;
  retrieved = 0;
  deleted = 0;
  readonly refuseReasons = new TopTable(noCount, countOf, maxWords);
  readonly loginReasons = new TopTable(noCount, countOf, maxWords);
  readonly users = new TopTable(noCount, countOf, maxNames);
  readonly refusedClients = new TopTable(noCount, countOf, maxNames);

  /** Takes a line whose first word is `pop3d` or `pop3`; false if it says nothing to count. */
  take(fields: Fields): boolean {
    const isListener = fields.is(0, "pop3d");
    if (isListener && fields.is(1, "login")) return this.#login(fields);
    if (isListener && fields.is(1, "refuse")) {
      this.refused++;
      this.refuseReasons.of(fields.value("reason", 2) ?? "?").count++;
      return true;
    }
    if (!fields.is(1, "session") || !fields.is(2, "end")) return false;
    if (isListener) {
      this.sessions++;
      this.bytesOut += numberOf(fields.value("bytes-out", 3));
      return true;
    }
    this.retrieved += numberOf(fields.value("retr", 3));
    this.deleted += numberOf(fields.value("deleted", 3));
    return true;
  }

  #login(fields: Fields): boolean {
    if (fields.is(2, "refused")) {
      this.loginsRefused++;
      this.loginReasons.of(fields.value("reason", 3) ?? "?").count++;
      this.refusedClients.of(fields.value("ip", 3) ?? "?").count++;
      return true;
    }
    if (fields.value("session", 2) === null) return false;
    if (fields.is(2, "trouble")) return false;
    this.logins++;
    this.users.of(fields.value("user", 2) ?? "?").count++;
    return true;
  }
}
