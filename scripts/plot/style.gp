# What all figures share. The job has set np_format, np_width, np_height (pixels), np_strategies, Name[], and Foot[]:
# where each panel stands, from the top.
set encoding utf8
if (np_format eq 'svg' && !np_bare) {
    set terminal svg size np_width, np_height font 'DejaVu Sans,Helvetica,Arial,sans-serif,17' noenhanced background 'white'
}
if (np_format eq 'svg' && np_bare) {
    set terminal svg size np_width, np_height font 'DejaVu Sans,Helvetica,Arial,sans-serif,17' noenhanced
}
if (np_format eq 'png') {
    set terminal pngcairo size 2 * np_width, 2 * np_height font 'DejaVu Sans,12.75' fontscale 2 linewidth 2 pointscale 2 noenhanced background 'white'
}
if (np_format eq 'pdf') {
    set terminal pdfcairo size np_width / 100, np_height / 100 font 'DejaVu Sans,12.2' linewidth 1.3 noenhanced background 'white'
}
set output 'figure'

# Colours that stay apart for colour-blind eyes (Okabe and Ito), ordered so that neighbours differ in grey as well;
# and for paper, each with a shape and a dash of its own. The first are larger, so that an equal one on top leaves a rim.
array Colour[7] = ['#000000', '#D55E00', '#0072B2', '#009E73', '#CC79A7', '#E69F00', '#56B4E9']
array Shape[14] = [7, 5, 9, 13, 11, 15, 3, 6, 4, 8, 12, 10, 14, 2]    # filled, then open
point_scale = np_format eq 'svg' ? 0.65 : 1                       # SVG draws points larger than the others
do for [i = 1:21] {
    j = (i - 1) % 7 + 1
    set style line i linecolor rgb Colour[j] pointtype Shape[(i - 1) % 14 + 1] pointsize point_scale * (2 - 0.12 * j) linewidth 2.2 dashtype j
    if (j == 6) { set style line i dashtype '_ ' }
    if (j == 7) { set style line i dashtype '-_' }
}
set style line 100 linecolor rgb '#bbbbbb' linewidth 1 dashtype 3    # grid
set style line 101 linecolor rgb '#777777' linewidth 1               # lines that lead to labels
set grid linestyle 100
set border 3 linecolor rgb '#444444'
set tics nomirror textcolor rgb '#222222'

# Screen places from pixels.
px(v) = v / np_width
py(v) = v / np_height
# 1000 -> 1 k, as axis text.
short(v) = v >= 1e9 ? sprintf('%g G', v / 1e9) : v >= 1e6 ? sprintf('%g M', v / 1e6) : v >= 1e3 ? sprintf('%g k', v / 1e3) : sprintf('%g', v)

# The legend under the panels, and at the very bottom a grey line for what is not shown.
set key at screen 0.5, py(np_legend + np_note_line) center top horizontal maxcols np_legend_columns Left reverse samplen 4 width 1
if (np_note ne '') { set label 1000 np_note at screen px(np_left), py(np_note_line / 2 + 2) left textcolor rgb '#555555' }
