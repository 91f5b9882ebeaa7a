/** What the watch says where others have the name of a job: it stands for a storage that no job uses any more. */
export const storageName = (storage: string): string => `(storage ${storage})`;
