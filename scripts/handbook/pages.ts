import { allManuals } from "../../src/programs/manuals/index.ts";
import { controlFilesPage } from "./control-files.ts";
import { manPage, pageName } from "./man-page.ts";

/** Where manual pages are kept, as man(1) wants them: man1/, man5/, man8/ below it. */
export const manFolder = "man";

/** Every page that is made and not written, by its path in the checkout. */
export async function generatedPages(): Promise<ReadonlyMap<string, string>> {
  const manuals = await allManuals();
  return new Map([
    ["docs/handbook/f-control-files.md", controlFilesPage()],
    ...manuals.map((manual) => {
      const { name, section } = manual;
      return [`${manFolder}/man${section}/${pageName(name)}.${section}`, manPage(manual, manuals)] as const;
    }),
  ]);
}
