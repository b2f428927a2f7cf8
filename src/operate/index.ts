/**
 * Room `operate`: looking at and acting on a running house: its settings, its queue, where an address leads, what became of a
 * message. Reads control files, the queue (read-only) and logs; changes the queue only by asking its service.
 */

export { shown, shownLines, shownSpan, shownTime } from "#log";
export { askQueue, type QueueAnswer, queueAdminPath } from "./ask-queue.ts";
export { type Changed, changeSetting, isSecret, reloadAdvice, unsetSetting } from "./change-setting.ts";
export { checkDns, type DnsFinding } from "./check-dns.ts";
export { type CheckScope, checkAll, checkHouse } from "./check-house.ts";
export { checkInstall, type InstallFlaw } from "./check-install.ts";
export { countQueue } from "./count-queue.ts";
export { addKeys, type DkimRecord, type KeyKind, type KeyState, keyStates, zoneLine } from "./dkim-keys.ts";
export { certificateDigest, type DomainFacts, type NeededRecord, neededRecords } from "./dns-records.ts";
export {
  type Ending,
  type ExplainHouse,
  type Explanation,
  explainAddress,
  explanationText,
} from "./explain-address.ts";
export type { Step } from "./explain-route.ts";
export { exposition } from "./exposition.ts";
export { lockQueue } from "./lock-queue.ts";
export type { LogLine } from "./log-files.ts";
export { qreadEntry } from "./qread.ts";
export { fitsAddress, isMeant, parseSize, parseSpan, type QueueFilter } from "./queue-filter.ts";
export { queueEntry, queueFacts, queueHeading, queueRow } from "./queue-list.ts";
export { findRunning, isAlive, livedSeconds, type RunningHouse, type RunningService } from "./running-house.ts";
export { withoutSecrets } from "./secrets.ts";
export { problemLine, type Setting, settingOf, settingsList } from "./settings.ts";
export { showControls } from "./showctl.ts";
export { traceMessage, traceText } from "./trace.ts";
