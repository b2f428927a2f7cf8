/**
 * Part `log/multilog` of the room: multilog's script language and its rotated folders. Ground floor: knows no mail. Loses no byte that was
 * given to it: where a disk refuses it waits, and with it whoever writes. On disk: the folders that the script names.
 */
export { fineClock, type Moment, tai64nLabel } from "./clock.ts";
export { LineWork, type Outlets, statusBytes } from "./line-work.ts";
export { type FolderDoors, FolderTrouble, LogFolder, pauseMs } from "./log-folder.ts";
export { type FolderRules, parseScript, type Script, type Step } from "./script.ts";
