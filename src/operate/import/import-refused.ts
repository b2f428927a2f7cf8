/** The import does not begin, or breaks off: one sentence for whoever typed the command. Nothing is lost; it can be run again. */
export class ImportRefused extends Error {}
