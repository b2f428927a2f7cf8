/**
 * Room `sql`: opening the embedded database (SQLite through node:sqlite) with the settings everything in the house uses.
 * Ground floor: knows no mail. Text columns hold byte strings.
 */
export { type Database, openDatabase, type Statement } from "./database.ts";
