# What one varied setting does: a panel a figure, a line a strategy or a value of the other path, with 95 % bands.
# 'values': a block a line: place along the axis, then mean low high for each panel; all are places on linear axes.
if (np_of > 0) {
    # All lines are of one strategy: they keep its colour, fade, and differ in dash and mark.
    base = Colour[(np_of - 1) % 7 + 1]
    do for [i = 1:np_lines] {
        faded = sprintf('#%02X', np_lines > 1 ? int(150.0 * (i - 1) / (np_lines - 1)) : 0).base[2:7]
        dash = (i - 1) % 5 + 1    # in brackets it would be a pattern
        set style line i linecolor rgb faded pointtype Shape[(i - 1) % 14 + 1] pointsize point_scale * 1.7 linewidth 2.2 dashtype dash
    }
}
# A colour with an alpha of its own would make its band solid.
shade(i) = Colour[((np_of > 0 ? np_of : i) - 1) % 7 + 1]
opaque = np_lines > 3 ? 0.1 : 0.16
set multiplot
set lmargin at screen px(np_left)
set rmargin at screen px(np_width - np_right)
set xrange [np_along_low:np_along_high]
set xtics () nomirror
do for [k = 1:np_panels] {
    set bmargin at screen py(Foot[k])
    set tmargin at screen py(Foot[k] + np_panel)
    if (k > 1) { eval np_around_is_drawn }
    eval Panel[k]
    set xtics ()
    do for [i = 1:np_tics] { set xtics add ((k == np_panels ? Tic[i] : '') At[i]) }
    if (k == np_panels) { set xlabel np_along }
    # Column 1 is the place; panel k has its mean, low and high in 3k - 1, 3k, 3k + 1.
    if (k < np_panels) {
        plot for [i = 1:np_lines] 'values' index i - 1 using 1:(column(3 * k)):(column(3 * k + 1)) with filledcurves fillcolor rgb shade(i) fillstyle transparent solid opaque noborder notitle, \
             for [i = 1:np_lines] 'values' index i - 1 using 1:(column(3 * k - 1)) with linespoints linestyle i notitle
    } else {
        plot for [i = 1:np_lines] 'values' index i - 1 using 1:(column(3 * k)):(column(3 * k + 1)) with filledcurves fillcolor rgb shade(i) fillstyle transparent solid opaque noborder notitle, \
             for [i = 1:np_lines] 'values' index i - 1 using 1:(column(3 * k - 1)) with linespoints linestyle i notitle, \
             for [i = 1:np_lines] keyentry with linespoints linestyle i title (Shown[i] ? Line[i] : '')
    }
}
unset multiplot
