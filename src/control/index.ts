/**
 * Room `control`: reading control files by qmail's rules (spec 3.1), and the catalogue of all of them. Ground floor. Missing
 * means the default; unreadable is an error, never a default. `readSetting` applies the catalogue's defaults; `catalogue.ts` says
 * how a file is added.
 */
export { type Catalogue, type ControlName, catalogue, controlFile } from "./catalogue.ts";
export { checkHome } from "./check-home.ts";
export { checkText, type Problem } from "./check-text.ts";
export type { ControlFile, FromMe, Reload, Since } from "./control-file.ts";
export { findHome } from "./home.ts";
export { liveControls } from "./live.ts";
export {
  type ControlEntry,
  ControlError,
  readEntries,
  readLines,
  readListFile,
  readNumber,
  readText,
  readValue,
} from "./read.ts";
export { flagOf, readSetting, type SettingOf } from "./setting.ts";
