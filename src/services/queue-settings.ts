import { bounceFormat } from "#bounce";
import { ControlError, readSetting } from "#control";
import { parseAddress } from "#mail";
import type { BounceSettings } from "#send";

/** qmail-send's control files, read once at start (spec 2.4). */
export type QueueSettings = {
  readonly concurrency: { readonly local: number; readonly remote: number };
  readonly destinationConcurrency: number;
  readonly lifetimeSeconds: number;
  /** When senders hear that a message is late; 0 = never. */
  readonly delayNoticeSeconds: number;
  readonly bounce: BounceSettings;
  /** Uids of Quail's own roles: they may say in whose name they post. */
  readonly roleUids: ReadonlySet<number>;
};

/** Reads them; throws ControlError with file and reason. */
export function queueSettings(home: string): QueueSettings {
  const format = readSetting(home, "bounceformat");
  const known = bounceFormat(format);
  if (known === null) throw new ControlError(`control/bounceformat: line 1: ${format} is none of qsbmf, mime, both`);
  const doubleBounceTo = parseAddress(
    `${readSetting(home, "doublebounceto")}@${readSetting(home, "doublebouncehost")}`,
  );
  if (doubleBounceTo === null) throw new ControlError("control/doublebounceto: line 1: no address");
  return {
    concurrency: { local: readSetting(home, "concurrencylocal"), remote: readSetting(home, "concurrencyremote") },
    destinationConcurrency: readSetting(home, "concurrencydestination"),
    lifetimeSeconds: readSetting(home, "queuelifetime"),
    delayNoticeSeconds: readSetting(home, "delaynotice"),
    bounce: {
      bounceFrom: readSetting(home, "bouncefrom"),
      bounceHost: readSetting(home, "bouncehost"),
      doubleBounceTo,
      format: known,
      maxCopyBytes: readSetting(home, "bouncemaxbytes"),
      subject: readSetting(home, "bouncesubject"),
      text: readSetting(home, "custombouncetext"),
    },
    roleUids: new Set((readSetting(home, "roleuids") ?? []).map(Number).filter(Number.isInteger)),
  };
}
