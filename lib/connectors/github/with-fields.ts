import { isObject, type Json } from "./pages.ts";

/** As many as one request may name. https://docs.github.com/en/rest/projects/items#list-items-for-an-organization-owned-project */
const MOST_FIELDS = 50;

/**
 * The objects of a list with all `fields`, which GitHub gives by their ids: in several readings where there are more than one may name, each of which
 * gives every object with some.
 */
export async function withFields(
  url: string,
  fields: readonly Json[],
  list: (url: string) => Promise<readonly Json[]>,
): Promise<readonly Json[]> {
  const ids = fields.map(({ id }) => String(id));
  const objects = new Map<unknown, Json>();
  for (let from = 0; from === 0 || from < ids.length; from += MOST_FIELDS) {
    const some = ids.slice(from, from + MOST_FIELDS);
    const asked = some.length === 0 ? url : `${url}${url.includes("?") ? "&" : "?"}fields=${some.join(",")}`;
    for (const object of await list(asked)) objects.set(object.id, merged(objects.get(object.id), object));
  }
  return [...objects.values()];
}

function merged(before: Json | undefined, object: Json): Json {
  if (before === undefined) return object;
  const values = [...fieldsOf(before), ...fieldsOf(object)];
  return {
    ...object,
    fields: [...new Map(values.map((value) => [isObject(value) ? value.id : value, value])).values()],
  };
}

const fieldsOf = ({ fields }: Json): readonly unknown[] => (Array.isArray(fields) ? fields : []);
