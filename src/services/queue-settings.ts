import { bounceFormat } from "#bounce";
import type { ByteString } from "#bytes";
import { ControlError, readLines, readNumber, readValue } from "#control";
import { parseAddress } from "#mail";
import type { BounceSettings } from "#send";

/** qmail-send's control files, read once at start (spec 2.4). */
export type QueueSettings = {
  readonly concurrency: { readonly local: number; readonly remote: number };
  readonly destinationConcurrency: number;
  readonly lifetimeSeconds: number;
  readonly bounce: BounceSettings;
  /** Uids of Quail's own roles: they may say in whose name they post. */
  readonly roleUids: ReadonlySet<number>;
};

/** A number of control/`file`, or the default. */
const number = (home: string, file: string, otherwise: number): number => readNumber(home, file) ?? otherwise;

/** Reads them; throws ControlError with file and reason. */
export function queueSettings(home: string): QueueSettings {
  const me = readValue(home, "me");
  const host = (file: string): ByteString => readValue(home, file) ?? me ?? file;
  const format = readValue(home, "bounceformat") ?? "both";
  const known = bounceFormat(format);
  if (known === null) throw new ControlError(`control/bounceformat: line 1: ${format} is none of qsbmf, mime, both`);
  const doubleBounceTo = `${readValue(home, "doublebounceto") ?? "postmaster"}@${host("doublebouncehost")}`;
  const address = parseAddress(doubleBounceTo);
  if (address === null) throw new ControlError("control/doublebounceto: line 1: no address");
  return {
    concurrency: { local: number(home, "concurrencylocal", 10), remote: number(home, "concurrencyremote", 20) },
    destinationConcurrency: number(home, "concurrencydestination", 20),
    lifetimeSeconds: number(home, "queuelifetime", 604_800),
    bounce: {
      bounceFrom: readValue(home, "bouncefrom") ?? "MAILER-DAEMON",
      bounceHost: host("bouncehost"),
      doubleBounceTo: address,
      format: known,
      maxCopyBytes: number(home, "bouncemaxbytes", 0),
      subject: readValue(home, "bouncesubject"),
      text: readLines(home, "custombouncetext")?.join("\n") ?? null,
    },
    roleUids: new Set((readLines(home, "roleuids") ?? []).map(Number).filter(Number.isInteger)),
  };
}
