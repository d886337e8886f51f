declare const brand: unique symbol;

/** A `Base` that only a checking function can make. The mark exists for the compiler alone. */
export type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };
