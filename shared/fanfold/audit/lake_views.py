"""All views over the lake, each after those that it reads; one SQL text each, for Athena and for local queries."""

from fanfold.audit import views_of_bars, views_of_fills, views_of_orders
from fanfold.audit.lake_view import LakeView

VIEWS: dict[str, LakeView] = {
    view.name: view
    for view in (
        views_of_bars.CLOSED_BARS,
        views_of_bars.LONGER_BARS,
        views_of_fills.FILLS,
        views_of_fills.PNL_BY_DAY,
        views_of_fills.FEES_BY_VENUE,
        views_of_fills.PORTFOLIO_VALUE,
        views_of_orders.ORDER_RESULTS,
        views_of_orders.FILL_RATIO,
        views_of_orders.SLIPPAGE,
        views_of_orders.EFFECTIVE_SPREAD,
        views_of_orders.IMPLEMENTATION_SHORTFALL,
        views_of_orders.LATENCY,
    )
}
