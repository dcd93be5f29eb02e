"""The block tag {% fragment %}, for parts of pages that are the same for all visitors."""

from typing import Any

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.utils.safestring import SafeString

from core.page_cache.bounded_cache import BoundedCache
from core.rendering.page_urls import surroundings_of

register = template.Library()
MAX_LENGTH = 1_000_000  # characters of all fragments that a process keeps


STORE: BoundedCache[SafeString] = BoundedCache(MAX_LENGTH, weigh=len)


class FragmentNode(template.Node):
    """Renders its content once for its values, unless one of them is missing or one of the `obstacles` is true."""

    def __init__(self, nodelist: NodeList, values: list[FilterExpression], obstacles: list[FilterExpression]) -> None:
        self.nodelist, self.values, self.obstacles = nodelist, values, obstacles

    def render(self, context: Any) -> SafeString:
        values = [value.resolve(context, ignore_failures=True) for value in self.values]
        if None in values or any(obstacle.resolve(context, ignore_failures=True) for obstacle in self.obstacles):
            return self.nodelist.render(context)
        # The node is part of the key, so a template that has been changed is rendered again.
        key = (self, surroundings_of(context), *values)
        if (fragment := STORE.get(key)) is None:
            fragment = self.nodelist.render(context)
            STORE.add(key, fragment)
        return fragment


@register.tag
def fragment(parser: Parser, token: Token) -> FragmentNode:
    """Render the content once per process for these values, the active language and the script prefix.

    {% fragment tree.fingerprint category.slug unless form.is_filtered %}...{% endfragment %}

    The values must be hashable and decide everything that the content shows, which must not depend on the visitor. If
    one of them is missing (None), or one of those after `unless` is true, the content is rendered and not stored.
    """
    _name, *words = token.split_contents()
    number = words.index("unless") if "unless" in words else len(words)
    nodelist = parser.parse(("endfragment",))
    parser.delete_first_token()
    compiled = [[parser.compile_filter(word) for word in part] for part in (words[:number], words[number + 1 :])]
    return FragmentNode(nodelist, *compiled)
