/** Widths of a cell in seconds; each one is a multiple of the one before. Wider ones are doubled days. */
const widths: readonly number[] = [1, 5, 15, 60, 300, 900, 3600, 10_800, 21_600, 43_200, 86_400];
/** A chart with more cells than this shows nothing more. */
const maxCells = 240;

/**
 * Sums over time in bounded memory: cells get wider as the time they span grows. Cells begin at local midnight's multiples. `columns`
 * is how many sums a cell has.
 */
export class TimeSeries {
  readonly #columns: number;
  #cells: Map<number, Float64Array> = new Map();
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;
  #offset: number | null = null;
  #index = Number.NaN;
  #cell: Float64Array = new Float64Array(0);
  widthSeconds = widths[0]!;

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** The sums of the cell a moment (seconds since 1970) falls into, to be added to. */
  at(seconds: number): Float64Array {
    this.#offset ??= new Date(seconds * 1000).getTimezoneOffset() * 60;
    let index = this.#indexOf(seconds);
    // Lines come in order of time: mostly it is the cell of the line before.
    if (index === this.#index) return this.#cell;
    while (Math.max(this.#last, index) - Math.min(this.#first, index) >= maxCells) {
      this.#widen();
      index = this.#indexOf(seconds);
    }
    this.#first = Math.min(this.#first, index);
    this.#last = Math.max(this.#last, index);
    let cell = this.#cells.get(index);
    if (cell === undefined) {
      cell = new Float64Array(this.#columns);
      this.#cells.set(index, cell);
    }
    this.#index = index;
    this.#cell = cell;
    return cell;
  }

  /** All cells from the first to the last, empty ones too: when each begins (seconds since 1970), and its sums. */
  rows(): readonly { readonly from: number; readonly sums: Float64Array }[] {
    if (this.#cells.size === 0) return [];
    const none = new Float64Array(this.#columns);
    return Array.from({ length: this.#last - this.#first + 1 }, (_, at) => {
      const index = this.#first + at;
      return { from: index * this.widthSeconds + (this.#offset ?? 0), sums: this.#cells.get(index) ?? none };
    });
  }

  #indexOf(seconds: number): number {
    return Math.floor((seconds - (this.#offset ?? 0)) / this.widthSeconds);
  }

  #widen(): void {
    const wider = widths.find((width) => width > this.widthSeconds) ?? this.widthSeconds * 2;
    const factor = wider / this.widthSeconds;
    const cells: Map<number, Float64Array> = new Map();
    for (const [index, sums] of this.#cells) {
      const at = Math.floor(index / factor);
      const merged = cells.get(at);
      if (merged === undefined) cells.set(at, sums);
      else for (let n = 0; n < sums.length; n++) merged[n]! += sums[n]!;
    }
    this.#cells = cells;
    this.#first = Math.floor(this.#first / factor);
    this.#last = Math.floor(this.#last / factor);
    this.#index = Number.NaN;
    this.widthSeconds = wider;
  }
}
