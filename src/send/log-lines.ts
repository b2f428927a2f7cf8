import type { ByteString } from "#bytes";
import { safe } from "#log";
import type { Fate, ReversePath } from "#mail";
import type { Channel } from "#queue";

/** qmail-send's activity log, byte for byte (spec 8.2): analysers depend on this grammar. New facts go into other lines. */
export const say = {
  status: (use: Readonly<Record<Channel, string>>, exiting: boolean): string =>
    `status: local ${use.local} remote ${use.remote}${exiting ? " exitasap" : ""}`,
  exiting: "status: exiting",
  newMessage: (id: number): string => `new msg ${id}`,
  info: (id: number, bytes: number, sender: ReversePath, uid: number): string =>
    `info msg ${id}: bytes ${bytes} from <${safe(sender)}> qp ${id} uid ${uid}`,
  starting: (delivery: number, id: number, channel: Channel, recipient: ByteString): string =>
    `starting delivery ${delivery}: msg ${id} to ${channel} ${safe(recipient)}`,
  ended: (delivery: number, fate: Fate, report: ByteString): string =>
    `delivery ${delivery}: ${fate === "done" ? "success" : fate === "permanent" ? "failure" : "deferral"}: ${safe(report)}`,
  mangled: (delivery: number): string => `delivery ${delivery}: report mangled, will defer`,
  bounce: (id: number, bounceId: number): string => `bounce msg ${id} qp ${bounceId}`,
  delayNotice: (id: number, noticeId: number): string => `delaynotice msg ${id} qp ${noticeId}`,
  triple: (id: number): string => `triple bounce: discarding bounce/${id}`,
  end: (id: number): string => `end msg ${id}`,
} as const;
