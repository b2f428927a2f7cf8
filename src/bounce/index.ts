/**
 * Room `bounce`: what a report of failure or delay says and to whom it goes (spec 4.6-4.8). Pure: it composes bytes, the scheduler
 * posts them (envelope sender "" or "#@[]") and streams the original between `head` and `tail`.
 */

export { type BouncePlan, bounceRecipient } from "./bounce-recipient.ts";
export { type Bounce, type BounceFormat, type BounceInput, bounceFormat, composeBounce } from "./compose-bounce.ts";
export { composeDelayNotice, type DelayNoticeInput } from "./compose-delay-notice.ts";
export { delayRecipient, isAutomatic } from "./delay-recipient.ts";
export { type BounceFailure, statusOf } from "./failure.ts";
export { parseQsbmf, type QsbmfReport } from "./parse-qsbmf.ts";
