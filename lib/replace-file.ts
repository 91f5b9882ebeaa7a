import { chmod, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Writes a file that other users' programs read, whatever umask we run under: they see the old one or the new one,
 * whole. The temporary file beside it begins with a dot and does not end as `path` does. @throws what the file system says
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    const file = await open(temporary, "w", 0o644);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    await chmod(temporary, 0o644);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
