/**
 * Room `operate`: looking at and acting on a running house: its settings, its queue, where an address leads, what became of a
 * message. Reads control files, the queue (read-only) and logs; changes the queue only by asking its service.
 */
export { type Changed, changeSetting, reloadAdvice, unsetSetting } from "./change-setting.ts";
export { problemLine, type Setting, settingOf, settingsList } from "./settings.ts";
export { showControls } from "./showctl.ts";
