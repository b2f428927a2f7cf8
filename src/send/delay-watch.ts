/*
 * Delay notices: the sender of a message that is late hears of it, once. It is looked for when a recipient is deferred, so
 * mail that is not costs nothing. The mark that a sender was told is committed with the notice: whatever crashes, nobody hears twice.
 */
import { delayRecipient } from "#bounce";
import type { MessageRecord, NewMessage, QueueStore } from "#queue";
import { say } from "./log-lines.ts";
import { isLastPass } from "./retry.ts";

/** When senders hear that a message is late, and how they are told. */
export type DelayNotices = {
  /** control/delaynotice: seconds after a message was queued; 0 = never. */
  readonly afterSeconds: number;
  /**
   * Makes the notice about `record`, its body durable if it is a file. Null: its sender is not to be told. Rejects when the disk
   * refuses.
   */
  readonly compose: (record: MessageRecord) => Promise<{ readonly message: NewMessage; readonly uid: number } | null>;
};

type House = {
  readonly store: QueueStore;
  readonly log: (line: string) => void;
  readonly nowMs: () => number;
  readonly lifetimeSeconds: number;
  readonly delayNotices?: DelayNotices;
};

/**
 * What to do with a message of which a recipient was deferred just now. `adopt` hears of the notice when it is queued. When the
 * disk refuses, the next deferral is the next chance.
 */
export function delayWatch(
  house: House,
  adopt: (message: NewMessage, uid: number) => void,
): (record: MessageRecord) => void {
  const { store, log, nowMs, lifetimeSeconds } = house;
  const { afterSeconds, compose } = house.delayNotices ?? { afterSeconds: 0, compose: async () => null };
  if (afterSeconds === 0) return () => {};
  /** Messages whose notice is under way: the store does not know of it yet. */
  const underWay = new Set<number>();

  const trouble = (id: number, error: unknown): void =>
    log(`warning: trouble queueing delay notice of msg ${id}: ${error instanceof Error ? error.message : error}`);

  const tell = async (record: MessageRecord): Promise<void> => {
    const { id } = record;
    try {
      // The notice is made from the marks, the latest one too.
      if (!store.flush()) throw new Error("the disk refuses what became of the recipients");
      const notice = await compose(record);
      store.addNotice(id, notice?.message ?? null, (result) => {
        underWay.delete(id);
        if (result instanceof Error) return trouble(id, result);
        if (result === "moot" || notice === null) return;
        log(say.delayNotice(id, notice.message.id));
        adopt(notice.message, notice.uid);
      });
    } catch (error) {
      underWay.delete(id);
      trouble(id, error);
    }
  };

  return (record) => {
    const now = nowMs();
    if (now < record.bornAtMs + afterSeconds * 1000 || delayRecipient(record.sender) === null) return;
    // Its last attempts are being made: what follows soon is its end, and a bounce at worst.
    if (isLastPass(record.agedFromMs, now, lifetimeSeconds)) return;
    if (underWay.has(record.id) || store.isNoticed(record.id)) return;
    underWay.add(record.id);
    void tell(record);
  };
}
