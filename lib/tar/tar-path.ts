/** Without `./` before and `/` behind; the root itself is empty. */
export function plainPath(path: Buffer): Buffer {
  let start = 0;
  while (path[start] === 0x2e && path[start + 1] === 0x2f) start += 2;
  let end = path.length;
  while (end > start && path[end - 1] === 0x2f) end -= 1;
  const plain = path.subarray(start, end);
  return plain.length === 1 && plain[0] === 0x2e ? plain.subarray(1) : plain;
}
