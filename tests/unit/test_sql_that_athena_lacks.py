"""A query is read as Athena reads it: what DuckDB alone takes is refused, with what Athena takes in its place."""

import pytest

from fanfold.audit.lake_views import VIEWS
from fanfold.cli import sql
from fanfold.errors import BadInput

LACKING = {
    "SELECT 1::int": "::; use CAST",
    "SELECT at::date FROM orders": "::; use CAST",
    "SELECT * EXCLUDE (a) FROM (SELECT 1 AS a, 2 AS b)": "exclude; use the names of the columns",
    "SELECT * REPLACE (3 AS a) FROM (SELECT 1 AS a, 2 AS b)": "RENAME; use the names of the columns",
    "SELECT COLUMNS('a') FROM (SELECT 1 AS a)": "columns.*; use the names",
    "FROM orders": "FROM without SELECT",
    "FROM orders SELECT order_id": "FROM without SELECT",
    "SELECT * FROM (FROM orders)": "FROM without SELECT",
    "WITH t AS (SELECT 1 AS a) FROM t": "FROM without SELECT",
    "SELECT [1, 2]": "ARRAY",
    "SELECT [x + 1 FOR x IN array[1]]": "ARRAY",
    "SELECT {'a': 1}": "MAP",
    "SELECT MAP {'a': 1}": "MAP",
    "SELECT * FROM orders PIVOT (count(*) FOR state IN ('A'))": "pivot.*CASE WHEN",
    "SELECT * FROM orders USING SAMPLE 10": "TABLESAMPLE BERNOULLI",
    "SELECT * FROM orders TABLESAMPLE 10 PERCENT": "TABLESAMPLE BERNOULLI",
    "SELECT order_id FROM orders LIMIT 1 OFFSET 1": "LIMIT before OFFSET",
    "SELECT order_id FROM orders LIMIT 10%": "LIMIT",
    "SELECT order_id FROM orders LIMIT (SELECT 1)": "LIMIT",
    "SELECT DISTINCT ON (state) state, order_id FROM orders": "DISTINCT ON.*row_number",
    "SELECT state, count(*) FROM orders GROUP BY ALL": "GROUP BY ALL",
    "SELECT state, FROM orders": "comma",
    "SELECT 1 IN (1,)": "comma",
    "SELECT 'a' ILIKE 'A'": "lower",
    "SELECT 'a' SIMILAR TO 'a'": "regexp_like",
    "SELECT 'a' GLOB 'a'": "LIKE",
    "SELECT 'a' RLIKE 'a'": "regexp_like",
    "SELECT 1 == 1": "==; use =",
    "SELECT 1 <=> 1": "IS NOT DISTINCT FROM",
    "SELECT 7 DIV 2": "DIV",
    "SELECT 2 ^ 3": "power",
    "SELECT 1 & 3": "bitwise_and",
    "SELECT 1 | 2": "bitwise_or",
    "SELECT 1 << 2": "bitwise_left_shift",
    "SELECT ~1": "bitwise_not",
    "SELECT !true": "NOT",
    "SELECT 'a' 'b'": r"\|\|",
    "SELECT 1 AS 'x'": "double quotes",
    "SELECT 1_000": "1_000",
    "SELECT 0x1F": "decimal digits",
    "SELECT 1 ISNULL": "IS NULL",
    "SELECT 'a' COLLATE NOCASE": "lower",
    "SELECT lower('A').upper()": "behind a dot",
    "SELECT unnest(array[1, 2])": "CROSS JOIN UNNEST",
    "SELECT log(8)": "log10",
    "SELECT date '2026-01-01' + interval 1 day": "INTERVAL '1' DAY",
    "SELECT date '2026-01-01' + interval '1 day'": "INTERVAL '1' DAY",
    "SELECT CAST('1' AS hugeint)": r"decimal\(38, 0\)",
    "SELECT CAST('1' AS text)": "varchar",
    "SELECT CAST('1' AS float)": "double",
    "SELECT CAST(array[1] AS bigint[])": "ARRAY",
    "SELECT a.at FROM orders a SEMI JOIN orders b ON a.at = b.at": "WHERE EXISTS",
    "SELECT a.at FROM orders a ANTI JOIN orders b ON a.at = b.at": "WHERE NOT EXISTS",
    "SELECT a.at FROM orders a ASOF JOIN orders b ON a.at >= b.at": "ASOF JOIN",
    "SELECT order_id FROM orders NATURAL JOIN trades": "NATURAL JOIN",
    "SELECT a.at FROM orders a JOIN orders b": "JOIN without ON",
    "SELECT 1 UNION BY NAME SELECT 2": "BY NAME",
    "SELECT count(DISTINCT side, price) FROM trades": "DISTINCT of several",
    "WITH t AS MATERIALIZED (SELECT 1 AS a) SELECT a FROM t": "MATERIALIZED",
    "SELECT * FROM orders LATERAL VIEW explode(array[1]) u AS x": "UNNEST",
    "SELECT 1 WHERE 1 BETWEEN SYMMETRIC 2 AND 0": "BETWEEN SYMMETRIC",
    "SELECT 1 IN array[1]": "contains",
    "SELECT 1 = ANY (array[1])": "contains",
    "SELECT 'a' LIKE ANY ('a', 'b')": "contains",
    "SELECT sum(fee) OVER (ORDER BY at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) FROM trades":
        "EXCLUDE in a window",
    "DESCRIBE SELECT 1": "EXPLAIN",
    "SELECT * FROM duckdb_tables()": "function duckdb_tables",
    "SELECT * FROM duckdb_tables": "SHOW TABLES",
    "SELECT * FROM information_schema.tables": "SHOW TABLES",
    "SELECT * FROM range(3)": "sequence",
    "SELECT list_value(1)": "ARRAY",
    "SELECT median(1)": "approx_percentile",
    "SELECT strftime(timestamp '2026-01-01 00:00:00', '%Y')": "date_format",
    "SELECT arg_max(side, price) FROM trades": "max_by",
    "SELECT string_agg(side, ',') FROM trades": "array_join",
    "SELECT left('abc', 1)": "substr",
    "SELECT nvl(1, 2)": "coalesce",
    "SELECT starts_wiht('a', 'a')": "did you mean `starts_with`",
    # Names that Athena looks up in the tables alone.
    "SELECT order_id AS o FROM orders WHERE o = 'x'": "name o in WHERE",
    "SELECT order_id AS o FROM orders WHERE o = 'x' UNION SELECT 'y'": "name o in WHERE",
    "SELECT date_trunc('hour', at) AS h, count(*) FROM orders GROUP BY h": "name h in GROUP BY",
    "SELECT state, count(*) AS n FROM orders GROUP BY 1 HAVING n > 1": "name n in HAVING",
    "SELECT price AS a, a + 1 AS b FROM trades": "name a in the list",
    "SELECT DISTINCT state FROM orders ORDER BY at": "SELECT DISTINCT",
    # Texts that DuckDB reads as what they are compared with.
    "SELECT * FROM orders WHERE at > '2026-01-01'": "timestamp with the text.*timestamp '2026",
    "SELECT * FROM trades t WHERE t.price BETWEEN '1' AND '2'": "decimal.*without quotes",
    "SELECT * FROM trades WHERE price IN ('1')": "without quotes",
    "SELECT side || 1 FROM trades": r"\|\| of a number; use CAST",
    "SELECT side || price FROM trades": r"\|\| of a decimal",
    # Dates, with which DuckDB reckons by days.
    "SELECT date '2026-01-01' + 1": "date_add",
    "SELECT (current_date) - 7": "date_add",
    "SELECT date '2026-01-01' - CAST('2025-01-01' AS date)": "date_diff",
}  # fmt: skip
TAKEN = [
    "SELECT order_id FROM orders OFFSET 1 LIMIT 1",
    "SELECT order_id FROM orders LIMIT ALL",
    "SELECT order_id FROM orders FETCH FIRST 5 ROWS ONLY",
    "SELECT * FROM orders TABLESAMPLE BERNOULLI (100)",
    "SELECT count(DISTINCT side), count(*) FILTER (WHERE side = 'buy') FROM trades",
    "SELECT sum(price) OVER w FROM trades WINDOW w AS (PARTITION BY side)",
    "SELECT side, sum(fee) FROM trades GROUP BY GROUPING SETS ((side), ())",
    "SELECT side, sum(fee) FROM trades GROUP BY ROLLUP (side)",
    "WITH t (a, b) AS (VALUES (1, 2)) SELECT a FROM t AS u (a, b) WHERE a IN (1, 2) AND NOT (b = 3)",
    "WITH a AS (SELECT 1 AS x), b (y) AS (SELECT x FROM a) SELECT y FROM b UNION ALL (SELECT x FROM a) ORDER BY 1",
    "SELECT side || '-' || CAST(1 AS varchar), date_add('day', 1, date '2026-01-01') FROM trades",
    "SELECT trim(LEADING '0' FROM state), substring(state FROM 2) FROM orders",
    "SELECT x, n FROM UNNEST(ARRAY['a', 'b']) WITH ORDINALITY AS t (x, n)",
    "SELECT (SELECT max(at) FROM orders o WHERE o.order_id = t.order_id) AS newest FROM trades t",
    "WITH t AS (SELECT at AS h FROM orders) SELECT h FROM t WHERE h > timestamp '2026-01-01 00:00:00'",
    "WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT n FROM t",
    "SELECT x FROM orders AS o CROSS JOIN UNNEST(array[1]) AS u (x)",
    "SELECT x FROM UNNEST(sequence(1, 3)) AS t (x)",
    "SELECT a.at FROM orders a LEFT JOIN trades b ON a.order_id = b.order_id",
    "SELECT o.at FROM orders o, trades t WHERE o.order_id = t.order_id",
    "SELECT DISTINCT o.state FROM orders o ORDER BY state",
    "SELECT DISTINCT state AS s FROM orders ORDER BY s, 1",
    "SELECT state AS state, count(*) AS n FROM orders GROUP BY state ORDER BY n",
    "SELECT max(price) AS price FROM trades WHERE price > 1",
    "SELECT EXISTS (SELECT 1), 1 = ANY (SELECT 1), (SELECT max(at) FROM orders)",
    "SELECT date '2026-01-01' - INTERVAL '1' DAY",
    "SELECT CAST(row(1, 2) AS row(a integer, b bigint)).a, CAST(array[1] AS array(bigint)), CAST(1 AS decimal(38, 18))",
    "SELECT extract(year FROM at), date_format(at, '%Y') FROM orders WHERE dt >= '2026-01-01'",
    "SELECT json_extract_scalar('{\"a\": 1}', '$.a'), x'41', transform(array[1], x -> x + 1)",
    "SELECT listagg(side, ',') WITHIN GROUP (ORDER BY side), array_agg(side ORDER BY at) FROM trades",
    "SELECT 'exclude (a)', 'a::b', \"at\" FROM orders",
    "SELECT * FROM awsdatacatalog.fanfold.orders",
    "TABLE orders",
    "DESCRIBE orders",
]  # fmt: skip


@pytest.mark.parametrize("text", LACKING)
def test_what_athena_lacks_is_refused_with_what_it_takes(text: str) -> None:
    with pytest.raises(BadInput, match=f"Athena has no .*{LACKING[text]}"):
        sql.translate(text)


@pytest.mark.parametrize("text", TAKEN)
def test_what_athena_takes_is_answered(text: str) -> None:
    assert sql.query(text, {}).columns


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_is_of_athenas_sql(name: str) -> None:
    sql.translate(VIEWS[name].sql)
