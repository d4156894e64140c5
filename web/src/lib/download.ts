/** Hands a text to the reader as a file. */

/** Characters that some file system refuses become dashes. */
const safeName = (name: string) => name.replace(/[^\p{L}\p{N}._-]+/gu, "-");

export function download(name: string, type: string, text: string): void {
  // The mark at the start tells spreadsheets that the text is UTF-8.
  const url = URL.createObjectURL(new Blob(["\uFEFF", text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = url;
  link.download = safeName(name);
  link.click();
  URL.revokeObjectURL(url);
}
