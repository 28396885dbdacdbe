"""Names that must stay names, by what they stand in the place of."""

from __future__ import annotations

__all__ = ["NAMES", "SIGN"]

#: What a script would leave behind if one of them ran.
SIGN = "pwned"

NAMES = {
    "tiny": f"../../<img src=x onerror=\"document.title='{SIGN}'\">",
    "MIME": f"</title></svg></script><script>document.title='{SIGN}'</script>",
    "conventional, dense": "\" onmouseover=\"document.title='pwned'\" x='",
    "conventional, zero-skipping": "{{ 7 * 7 }} {% raw %} $\\frac{x}{ %s \N{RIGHT-TO-LEFT OVERRIDE}gpj.exe",
    "conv1": "=cmd|' /C calc'!A0",
    "conv2": "@SUM(1,2)",
    "pool": "-1+1",
    "depthwise": "<script>document.title='pwned'</script>",
    "pointwise": "\t=1+1",
    "add": "]]><!-- &lt; &#0; -->",
    "cifar10": "../../etc/passwd",
    "cifar100": "a" * 300,
    "fashion_mnist": "javascript:alert(1)",
    "case-2": "+case 2",
    "case-3": "<b>3</b>",
}
