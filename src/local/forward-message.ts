import { type ByteString, toBytes } from "#bytes";
import { type Address, type Envelope, type Origin, type Outcome, parseAddress, type ReversePath } from "#mail";

/** The way into the queue, as `#qmtp` and `#inject` make it. */
export type PostingDoor = {
  post(
    envelope: Envelope,
    origin: Origin,
  ): {
    write(bytes: Uint8Array): Promise<void> | void;
    finish(): Promise<Outcome & { readonly queueId: number | null }>;
    abort(): void;
  };
};

/** A message for the queue: some lines on top, then the message as it is. */
export type Forwarding = {
  readonly sender: ReversePath;
  readonly recipients: readonly ByteString[];
  readonly origin: Origin;
  readonly onTop: ByteString;
  readonly message: AsyncIterable<Uint8Array>;
};

const tooLong = "envelope address too long for qq (#5.1.3)";

/** Queues one message for all recipients. `queueId` is null where the queue gives no number (QMAILQUEUE). Throws if the message cannot be read; then nothing is queued. */
export async function forwardMessage(
  door: PostingDoor,
  call: Forwarding,
): Promise<Outcome & { readonly queueId: number | null }> {
  const recipients: Address[] = [];
  for (const text of call.recipients) {
    const address = parseAddress(text);
    if (address === null) return { fate: "permanent", text: tooLong, queueId: null };
    recipients.push(address);
  }
  if (call.sender !== "" && parseAddress(call.sender) === null)
    return { fate: "permanent", text: tooLong, queueId: null };
  const posting = door.post({ sender: call.sender, recipients }, call.origin);
  try {
    await posting.write(toBytes(call.onTop));
    for await (const piece of call.message) {
      const wait = posting.write(piece);
      if (wait !== undefined) await wait;
    }
  } catch (error) {
    posting.abort();
    throw error;
  }
  return posting.finish();
}
