from products.search.engine import matching, first_ids
from products.search.text import terms_of


def find_partial_ids(products, text):
    terms = terms_of(text)
    if len(terms) < 2:
        return []
    ids = []
    for term in terms:
        ids += list(matching(products.order_by(), [term]).values_list("pk", flat=True)[:480])
    if products.query.order_by:
        return first_ids(products.order_by().filter(pk__in=ids), str(products.query.order_by[0]))
    return sorted(set(ids), key=lambda pk: (-ids.count(pk), -pk))[:480]
